import { messageOf } from '../errors.ts'
import type { Publication } from '../publication/read.ts'
import { ifAllowed } from '../store/allowed.ts'
import type { Key } from '../store/naming.ts'
import type { PublishOptions } from './options.ts'

/** What came of telling the network. */
interface SetName {
  /** Why it was not told; undefined when it was. */
  readonly notAnnounced: string | undefined
  /** That the node is connected to; undefined where it does not tell. */
  readonly peers: number | undefined
}

/**
 * Sets the name to a publication that is kept, or to the newest, if that is another by now. Then those before it are retired, and
 * the network is told. That it could not be told is no error.
 * @throws NODE_*
 */
export async function setName(key: Key, own: Publication, options: PublishOptions): Promise<SetName> {
  const { naming, publications, routing, report, signal, announceTimeoutMs } = options
  const limit = AbortSignal.timeout(announceTimeoutMs)
  const limited = AbortSignal.any([signal, limit])
  let notAnnounced: string | undefined
  const tell = async (what: () => Promise<void>) => {
    try {
      await what()
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (!limit.aborted) throw error
      notAnnounced = `it took longer than ${Math.round(announceTimeoutMs / 1000)} s`
    }
  }
  report({ type: 'step', text: `Publishing ${own.root} as ${key.id}` })
  let newest = { root: own.root, sequence: own.catalogue.sequence }
  for (let isSet = false; !isSet; ) {
    newest = (await publications.newest(key.id, signal)) ?? newest
    // The node writes its own record first, and then tells the network.
    await tell(() => naming.publish(newest.root, key, limited))
    isSet = ((await publications.newest(key.id, signal)) ?? newest).sequence === newest.sequence
  }
  await publications.retire(key.id, newest.sequence, signal)
  await tell(() => routing.announce(newest.root, limited)).catch((error: unknown) => {
    if (signal.aborted) throw signal.reason
    notAnnounced ??= messageOf(error)
  })
  return { notAnnounced, peers: await ifAllowed(routing.peers(signal)) }
}
