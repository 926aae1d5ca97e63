import type { CID } from '../dag/cid.ts'
import { DockerIpfsError, messageOf } from '../errors.ts'
import type { Held } from './look.ts'
import { LOCAL } from './remotes/remotes.ts'
import { complete, type Seen } from './seen.ts'
import { type SendOneOptions, sendToOne } from './send.ts'

/** States of a copy that can be put right where it is. */
const TO_MEND = ['partial', 'unpinned', 'failed']

/**
 * Puts copies of an image right: those that lost something get it, and as many other places get it whole as are wanted. It comes from our node, or
 * from another that has all of it. What a place says that it cannot do is told.
 * @param wanted complete copies, that of our node included
 * @throws COPIES_MISSING where no node has all of it
 */
export async function repair(
  root: CID,
  name: string,
  { held, seen, wanted }: { readonly held: readonly Held[]; readonly seen: readonly Seen[]; readonly wanted: number },
  options: Omit<SendOneOptions, 'from'>,
): Promise<void> {
  const stateAt = ({ place }: Held) => seen.find((one) => one.place === place.name)?.state
  const hurt = held.filter((one) => TO_MEND.includes(stateAt(one) ?? ''))
  const mended = hurt.filter(({ isTrusted, place }) => isTrusted && place.kind === 'kubo').length
  const lacking = Math.max(0, wanted - complete(seen) - mended)
  const fresh = held.filter((one) => one.isTrusted && stateAt(one) === 'absent').slice(0, lacking)
  if (hurt.length + fresh.length === 0) return
  // Ours comes first of them.
  const from = held.find((one) => stateAt(one) === 'complete' && one.place.from !== undefined)?.place.from
  const own = await from?.blocks.ownDag(root, options.signal)
  if (from === undefined || own === undefined) {
    throw new DockerIpfsError('COPIES_MISSING', `no node has all of ${root}`, {
      hint: 'Save it again with --no-cache where an engine has it, or load it from somebody else.',
    })
  }
  // Our own node first: others may get it from there then.
  const [ours, others] = [
    hurt.filter(({ place }) => place.name === LOCAL),
    hurt.filter(({ place }) => place.name !== LOCAL),
  ]
  for (const some of [ours, [...others, ...fresh]]) {
    const errors = await Promise.all(
      some.map(({ place }) => sendToOne(root, name, place, own.bytes, { ...options, from })),
    )
    for (const error of errors) if (error !== undefined) options.report({ type: 'warning', text: messageOf(error) })
  }
}
