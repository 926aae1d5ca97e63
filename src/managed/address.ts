import { hasCode } from '../errors.ts'
import type { Endpoint } from '../store/kubo/endpoint.ts'
import { askObject } from '../store/kubo/rpc.ts'
import { inTime } from '../time.ts'
import type { Say } from './host.ts'
import type { ManagedNode } from './node.ts'
import { isOwnPort } from './settings.ts'
import { storageOf, storageWarning } from './storage.ts'

export interface AddressOptions {
  /** Where the user's own node would be. */
  readonly found: Endpoint
  /** The user named that address, and means no other. */
  readonly isNamed: boolean
  readonly managed: ManagedNode
  readonly mayStart: boolean
  readonly say: Say
  readonly warn: Say
  readonly signal: AbortSignal
}

/** Time for a first sign of life, in milliseconds. Whoever takes longer is there. */
const SIGN_MS = 3000

/**
 * The node to work with: the user's own where one answers, else the managed one, which is started if need be. Where there is
 * neither, it is the first, for the error to name.
 * @throws what `ManagedNode.start` throws; NODE_FAILED when the managed node may take no more
 */
export async function addressOf(options: AddressOptions): Promise<Endpoint> {
  const { found, isNamed, managed, mayStart, say, warn, signal } = options
  if (isNamed) return (await ownAt(found, managed, signal)) ?? found
  if (await isThere(found, signal)) return found
  const own = await (mayStart ? managed.ensure(signal, say) : managed.find(signal))
  if (own === undefined) return nowhere(options)
  if (!mayStart) return own
  const storage = await storageOf(own, signal)
  const warning = storage === undefined ? undefined : storageWarning(storage)
  if (warning !== undefined) warn(warning)
  return own
}

/** Nobody answers, and what to do about it hangs on the node that docker-ipfs could have. */
async function nowhere({ found, managed, signal }: AddressOptions): Promise<Endpoint> {
  const orElse = '"ipfs daemon", or say where it is with --api or DOCKER_IPFS_API.'
  if (managed.isOff) return { ...found, absent: { hint: `Start one with ${orElse}` } }
  // Asked for nothing but the words.
  const state = await managed.status(signal).catch(() => signal.throwIfAborted())
  if (state?.isStarting) {
    const text = 'the IPFS node of docker-ipfs is starting'
    return { ...found, absent: { text, hint: 'Try again in a moment; "docker ipfs node status" says when it runs.' } }
  }
  if (state?.isRunning === false) {
    const text = 'the IPFS node of docker-ipfs is stopped'
    return { ...found, absent: { text, hint: 'Start it with "docker ipfs node start".' } }
  }
  return { ...found, absent: { hint: `Start one with "docker ipfs node start" or ${orElse}` } }
}

/** The managed node, where the address that a user named, without a secret, is its own. */
async function ownAt(named: Endpoint, managed: ManagedNode, signal: AbortSignal): Promise<Endpoint | undefined> {
  const port = /^http:\/\/(?:127\.0\.0\.1|localhost):(\d+)$/.exec(named.url)?.[1]
  if (named.socket !== undefined || named.authorization !== undefined || !isOwnPort(Number(port))) return undefined
  const own = await managed.find(signal)
  return own?.url === `http://127.0.0.1:${port}` ? { ...own, source: named.source } : undefined
}

async function isThere(endpoint: Endpoint, signal: AbortSignal): Promise<boolean> {
  const ask = async (limited: AbortSignal) => (await askObject(endpoint, 'version', limited))?.['Version'] !== undefined
  try {
    return (await inTime(SIGN_MS, signal, ask)) ?? true
  } catch (error) {
    signal.throwIfAborted()
    // One that refuses is for the user to hear of.
    return hasCode(error, 'NODE_FAILED', 'NODE_DENIED')
  }
}
