import { semver } from 'bun'
import { DockerIpfsError } from '../../errors.ts'
import { parsedObject } from '../../json.ts'
import { shown } from './connection.ts'
import type { Endpoint } from './endpoint.ts'
import { isDenial } from './health/rights.ts'
import { answerOf, call, noKubo, send } from './rpc.ts'

/** The oldest Kubo that saves, loads, names, verifies and removes have been tried with: older ones cannot be built today. */
const OLDEST = '0.23.0'

/**
 * Asks a node for its version, e.g. "0.43.0".
 * @throws NODE_UNREACHABLE; NODE_FAILED when it is too old, or no Kubo
 */
export async function askVersion(endpoint: Endpoint, signal: AbortSignal): Promise<string> {
  const response = await call(endpoint, { path: 'version', signal })
  const text = await response.text()
  const version = /"Version":"(\d+\.\d+\.\d+[^"]*)"/.exec(text)?.[1]
  if (version === undefined) throw noKubo(endpoint, 'no version', new Error(text))
  if (semver.order(version, OLDEST) >= 0) return version
  throw new DockerIpfsError('NODE_FAILED', `the IPFS node at ${shown(endpoint)} is Kubo ${version}, which is too old`, {
    hint: `Update it: ${OLDEST} is the oldest that docker-ipfs works with.`,
  })
}

/** The peer ID that a node answers, or that it does not let us in. */
export type Identity = { readonly peerId: string } | 'refused'

/**
 * Asks a node who it is; undefined where what answers is no node.
 * @throws NODE_UNREACHABLE; the signal's reason
 */
export async function askIdentity(endpoint: Endpoint, signal: AbortSignal): Promise<Identity | undefined> {
  const response = await send(endpoint, { path: 'id', signal })
  const answer = parsedObject(await answerOf(response, endpoint, signal))
  if (isDenial(response.status)) return 'refused'
  return response.ok && typeof answer?.['ID'] === 'string' ? { peerId: answer['ID'] } : undefined
}
