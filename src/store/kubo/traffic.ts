import type { Traffic } from '../traffic.ts'
import type { KuboClient } from './client.ts'
import type { Endpoint } from './endpoint.ts'
import { askObject, askWithin } from './rpc.ts'

/** The protocol by which nodes give each other blocks. */
const BITSWAP = '/ipfs/bitswap/1.2.0'

export class KuboTraffic implements Traffic {
  readonly #client: KuboClient
  readonly #endpoint: Endpoint

  constructor(client: KuboClient, endpoint: Endpoint) {
    this.#client = client
    this.#endpoint = endpoint
  }

  async bytesFetched(signal: AbortSignal): Promise<number> {
    const ask = async (limited: AbortSignal) => (await this.#client.bitswap.stat({ signal: limited })).dataReceived
    return Number(await askWithin(this.#endpoint, signal, ask))
  }

  async bytesReceived(signal: AbortSignal): Promise<number> {
    const ask = (limited: AbortSignal) => askObject(this.#endpoint, `stats/bw?proto=${BITSWAP}`, limited)
    const total = (await askWithin(this.#endpoint, signal, ask).catch(() => undefined))?.['TotalIn']
    // It does not count with Swarm.DisableBandwidthMetrics.
    return typeof total === 'number' ? total : this.bytesFetched(signal)
  }

  async repoSize(signal: AbortSignal): Promise<number> {
    const ask = async (limited: AbortSignal) => (await this.#client.repo.stat({ signal: limited })).repoSize
    return Number(await askWithin(this.#endpoint, signal, ask))
  }
}
