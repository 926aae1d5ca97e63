import type { WritableFolder } from '../catalogue/folder.ts'
import type { CID } from '../dag/cid.ts'
import { DockerIpfsError } from '../errors.ts'
import { isObject, parsedObject } from '../json.ts'
import type { Seen } from './seen.ts'

/** What a place had when it was last asked: a hint, and no proof. */
export interface Observation {
  readonly state: string
  readonly how: string
  /** ISO 8601. */
  readonly at: string
}

export interface Observations {
  /** By the names of places; nothing where nothing is known. */
  read(root: CID, signal: AbortSignal): Promise<ReadonlyMap<string, Observation>>
  /** Writes down what was seen, and leaves what was not. A node that does not take it keeps nobody from looking. */
  write(root: CID, seen: readonly Seen[], signal: AbortSignal): Promise<void>
}

/** Bytes of a file of them. */
const MAX_FILE = 256 * 1024

/** They stand beside the catalogue, in `copies/<root CID>.json`. People may edit that: what has another shape is not known. */
export function createObservations(folder: Pick<WritableFolder, 'read' | 'write' | 'sync'>): Observations {
  const read: Observations['read'] = async (root, signal) => {
    const bytes = await folder.read(pathOf(root), MAX_FILE, signal).catch((error: unknown) => orNothing(error, signal))
    const places = bytes === undefined ? undefined : parsedObject(Buffer.from(bytes).toString())?.['places']
    if (!isObject(places)) return new Map()
    return new Map(
      Object.entries(places).flatMap(([name, value]) => {
        if (!isObject(value)) return []
        const { state, how, at } = value
        const isSound = [state, how, at].every((text) => typeof text === 'string' && /^[\w ,:.+-]{1,100}$/.test(text))
        return isSound ? [[name, { state: String(state), how: String(how), at: String(at) }] as const] : []
      }),
    )
  }
  return {
    read,
    async write(root, seen, signal) {
      const all = new Map(await read(root, signal))
      for (const { place, state, how, checkedAt } of seen) {
        if (state !== 'unreachable') all.set(place, { state, how, at: checkedAt })
      }
      const text = `${JSON.stringify({ version: 1, places: Object.fromEntries(all) })}\n`
      try {
        await folder.write(pathOf(root), Buffer.from(text), signal)
        await folder.sync(signal)
      } catch (error) {
        orNothing(error, signal)
      }
    },
  }
}

function pathOf(root: CID): string {
  return `copies/${root}.json`
}

function orNothing(error: unknown, signal: AbortSignal): undefined {
  if (signal.aborted || !(error instanceof DockerIpfsError)) throw error
}
