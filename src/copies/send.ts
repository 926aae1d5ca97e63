import { type CID, parseCid } from '../dag/cid.ts'
import { DockerIpfsError, hasCode, messageOf } from '../errors.ts'
import type { Report } from '../events.ts'
import type { Node } from '../store/node.ts'
import type { Copy, Outgoing, Place } from '../store/places.ts'
import type { Remotes } from './remotes/remotes.ts'

export interface SendToOptions extends Pick<Node, 'blocks' | 'routing' | 'pins' | 'traffic'> {
  readonly report: Report
  readonly signal: AbortSignal
  /** Whether to wait until clusters and services have it. */
  readonly wait: boolean
  /** Gives a place up when nothing has moved there for so many milliseconds. */
  readonly stillMs: number
}

/** The places that somebody named, `NAME` or `NAME,NAME`, each once. @throws PLACE_NOT_FOUND, BAD_FLAG, FILE_FAILED */
export async function openPlaces(names: readonly string[], remotes: Remotes): Promise<Place[]> {
  const all = names.flatMap((text) => text.split(',')).map((name) => name.trim())
  const places: Place[] = []
  for (const name of new Set(all)) {
    if (name === '') throw new DockerIpfsError('BAD_FLAG', `there is no name of a remote in "${names.join(' ')}"`)
    places.push(await remotes.open(await remotes.find(name)))
  }
  return places
}

/**
 * Hands an image of the node to places, to all at once; one that fails does not keep it from the others.
 * @param root its CID
 * @returns what went wrong: the one error of a place, or COPIES_MISSING for several
 * @throws CONTENT_NOT_FOUND where our node has not all of it
 */
export async function sendTo(
  root: string,
  name: string,
  places: readonly Place[],
  options: SendToOptions,
): Promise<DockerIpfsError | undefined> {
  const { blocks, report, signal } = options
  const cid = parseCid(root)
  const own = await blocks.ownDag(cid, signal)
  if (own === undefined) {
    throw new DockerIpfsError('CONTENT_NOT_FOUND', `the node has not all blocks of ${root}`, {
      hint: 'Save it again with --no-cache, or load it from somebody else.',
    })
  }
  const errors = await Promise.all(
    places.map((place) => sendToOne(cid, name, place, own.bytes, { ...options, from: options })),
  )
  const found = errors.filter((error) => error !== undefined)
  if (found.length < 2) return found[0]
  for (const error of found) report({ type: 'warning', text: messageOf(error) })
  const missing = places.filter((_, at) => errors[at] !== undefined).map((place) => place.name)
  return new DockerIpfsError('COPIES_MISSING', `${root} is saved, but not at ${missing.join(', ')}`, {
    cause: found[0],
    hint: 'Run the command again: what is there already is not sent again.',
  })
}

export interface SendOneOptions extends Pick<SendToOptions, 'report' | 'signal' | 'stillMs' | 'wait'> {
  readonly from: Outgoing['from']
}

/** Hands an image of so many bytes to one place; gives what went wrong. */
export async function sendToOne(
  root: CID,
  name: string,
  place: Place,
  bytesTotal: number,
  { from, report, signal, stillMs, wait }: SendOneOptions,
): Promise<DockerIpfsError | undefined> {
  const layer = place.name
  report({ type: 'layer-start', layer, bytesTotal, doing: 'Looking' })
  try {
    const copy = await place.send(
      { root, name, from },
      {
        signal,
        stillMs,
        wait,
        warn: (text) => report({ type: 'warning', text: `${place.name}: ${text}` }),
        doing: (doing) => report({ type: 'layer-start', layer, bytesTotal, doing }),
        moved: (bytesDone) => report({ type: 'layer-progress', layer, bytesDone }),
      },
    )
    if (!isDone(copy, wait)) throw notThere(root, place, copy)
    report({ type: 'layer-done', layer, status: inWords(copy), bytesDone: copy.bytes ?? bytesTotal })
    return undefined
  } catch (error) {
    if (signal.aborted) throw signal.reason
    if (!hasCode(error, 'PLACE_FAILED', 'PLACE_UNREACHABLE', 'NODE_FAILED', 'NODE_UNREACHABLE', 'NODE_DENIED'))
      throw error
    report({ type: 'layer-done', layer, status: 'Failed', bytesDone: 0 })
    return error
  }
}

function isDone({ state }: Copy, wait: boolean): boolean {
  return state === 'complete' || state === 'claimed' || (!wait && state === 'pinning')
}

function inWords({ state, how }: Copy): string {
  if (state === 'pinning') return 'Asked'
  return state === 'complete' ? 'Complete' : `Claimed (${how})`
}

function notThere(root: CID, { name }: Place, { state, reason }: Copy): DockerIpfsError {
  const why = reason === undefined ? '' : `: ${reason}`
  return new DockerIpfsError('PLACE_FAILED', `${root} is ${state} at ${name}${why}`, {
    hint: 'Run the command again: what is there already is not sent again.',
  })
}
