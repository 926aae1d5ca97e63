import type { Traffic } from '../traffic.ts'
import type { KuboClient } from './client.ts'
import type { IsCluster } from './cluster.ts'
import type { Endpoint } from './endpoint.ts'
import { askObject, askWithin } from './rpc.ts'

/** The protocol by which nodes give each other blocks. */
const BITSWAP = '/ipfs/bitswap/1.2.0'

export class KuboTraffic implements Traffic {
  readonly #client: KuboClient
  readonly #endpoint: Endpoint
  readonly #isCluster: IsCluster

  constructor(client: KuboClient, endpoint: Endpoint, isCluster: IsCluster) {
    this.#client = client
    this.#endpoint = endpoint
    this.#isCluster = isCluster
  }

  async bytesFetched(signal: AbortSignal): Promise<number> {
    const ask = async (limited: AbortSignal) => (await this.#client.bitswap.stat({ signal: limited })).dataReceived
    return Number(await askWithin(this.#endpoint, signal, ask))
  }

  async bytesSent(signal: AbortSignal): Promise<number> {
    const ask = async (limited: AbortSignal) => (await this.#client.bitswap.stat({ signal: limited })).dataSent
    return Number(await askWithin(this.#endpoint, signal, ask))
  }

  async bytesReceived(signal: AbortSignal): Promise<number> {
    const ask = (limited: AbortSignal) => askObject(this.#endpoint, `stats/bw?proto=${BITSWAP}`, limited)
    const total = (await askWithin(this.#endpoint, signal, ask).catch(() => undefined))?.['TotalIn']
    // It does not count with Swarm.DisableBandwidthMetrics.
    return typeof total === 'number' ? total : this.bytesFetched(signal)
  }

  async repoSize(signal: AbortSignal): Promise<number | undefined> {
    const ask = async (limited: AbortSignal) =>
      // Of a cluster it would be the sum over the nodes that answer.
      (await this.#isCluster(limited)) ? undefined : askObject(this.#endpoint, 'repo/stat?size-only=true', limited)
    const size = (await askWithin(this.#endpoint, signal, ask))?.['RepoSize']
    return typeof size === 'number' ? size : undefined
  }
}
