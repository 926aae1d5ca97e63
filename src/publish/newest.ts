import { type CID, parseCid } from '../dag/cid.ts'
import { DockerIpfsError } from '../errors.ts'
import { resolveAll } from '../names/resolve.ts'
import type { PublishedCatalogue } from '../publication/document.ts'
import { type Publication, readPublication } from '../publication/read.ts'
import type { BlockStore } from '../store/blocks.ts'
import type { Key } from '../store/naming.ts'
import type { PublishOptions } from './options.ts'

/** What is published under a key before a new publication comes. */
export interface NewestPublication {
  readonly root: CID
  readonly sequence: number
  /** Undefined where it cannot be read any more. */
  readonly catalogue: PublishedCatalogue | undefined
}

/** Time for finding what the name stands for, where the node does not keep it. */
const LOOK_MS = 10_000

/** What is published under the key, read from the node alone. */
export async function newestOf(key: Key, options: PublishOptions): Promise<NewestPublication | undefined> {
  const { blocks, publications, report, signal } = options
  const newest = await publications.newest(key.id, signal)
  if (newest === undefined) return lostOf(key, options)
  try {
    const read = await readPublication(newest.root, (cid) => ownBlock(cid, blocks, signal), signal)
    return { ...newest, catalogue: read?.catalogue }
  } catch (error) {
    if (!(error instanceof DockerIpfsError) || signal.aborted) throw error
    report({ type: 'warning', text: `publication ${newest.sequence} cannot be read: ${error.message}` })
    return { ...newest, catalogue: undefined }
  }
}

/** What the name stands for though the node does not keep it: somebody has emptied our folder. Numbers go on from there. */
async function lostOf(key: Key, options: PublishOptions): Promise<NewestPublication | undefined> {
  try {
    const [first] = await resolveAll(`/ipns/${key.id}`, { ...options, timeoutMs: LOOK_MS })
    const publication = first?.published?.publication
    if (publication === undefined) return undefined
    return { root: publication.root, sequence: publication.catalogue.sequence, catalogue: undefined }
  } catch {
    if (options.signal.aborted) throw options.signal.reason
    return undefined
  }
}

/**
 * Whether a publication is still the newest, or one that the newest goes back to. MFS loses entries where others write to the same
 * folder: what was lost so is published once more.
 */
export async function isKept(
  key: Key,
  own: Publication,
  { blocks, publications, signal }: PublishOptions,
): Promise<boolean> {
  let at = await publications.newest(key.id, signal)
  try {
    while (at !== undefined && at.sequence > own.catalogue.sequence) {
      const read = await readPublication(at.root, (cid) => ownBlock(cid, blocks, signal), signal)
      const previous = read?.catalogue.previous ?? undefined
      at = previous === undefined ? undefined : { root: parseCid(previous), sequence: at.sequence - 1 }
    }
  } catch (error) {
    if (!(error instanceof DockerIpfsError) || signal.aborted) throw error
    return false
  }
  return at?.root.equals(own.root) === true
}

async function ownBlock(cid: CID, blocks: BlockStore, signal: AbortSignal): Promise<Uint8Array> {
  const bytes = await blocks.ownBlock(cid, signal)
  if (bytes !== undefined) return bytes
  throw new DockerIpfsError('CONTENT_NOT_FOUND', `the node lacks ${cid}`)
}
