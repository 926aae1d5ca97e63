import type { Catalogue } from '../catalogue/catalogue.ts'
import { hasCode } from '../errors.ts'
import type { Report } from '../events.ts'
import type { ImageInput } from '../image/input.ts'
import { parsePlatform } from '../image/platform.ts'
import type { BlockStore } from '../store/blocks.ts'
import type { Node } from '../store/node.ts'
import type { Pins } from '../store/pins.ts'
import { confirm } from './confirm.ts'
import { type Known, knowNothing, lookUp } from './known.ts'
import { recordOf, remember, type SaveResult } from './save.ts'
import { type Written, writeImages } from './write-images.ts'

export interface SaveArchiveParts {
  readonly node: Pick<Node, 'address' | 'version'>
  readonly blocks: BlockStore
  readonly pins: Pins
  readonly catalogue: Catalogue
  readonly report: Report
  readonly signal: AbortSignal
  readonly noCache?: boolean
  /** Of images with several platforms, only this one. */
  readonly platform?: string | undefined
}

/**
 * Saves the images of an archive to the node as if an engine had them: the same CIDs, pinned, and in the catalogue under the
 * names that the archive gives them. One result for each, in the order of the archive. Nothing is pinned unless all are there.
 * @throws ARCHIVE_INVALID, INTEGRITY, FILE_FAILED, PLATFORM_NOT_FOUND, NODE_*
 */
export async function saveArchive(input: ImageInput, parts: SaveArchiveParts): Promise<SaveResult[]> {
  const { node, report, signal } = parts
  if (parts.platform !== undefined) parsePlatform(parts.platform)
  await node.version(signal)
  report({ type: 'step', text: `Saving the images of ${input.name}` })
  // A pipe cannot be read again, should the catalogue be wrong.
  if (parts.noCache === true || !input.again) return saveWith(knowNothing(), input, parts)
  try {
    return await saveWith(lookUp(parts, Promise.resolve([]), [], signal), input, parts)
  } catch (error) {
    if (!hasCode(error, 'CATALOGUE_STALE')) throw error
    report({ type: 'warning', text: `the catalogue is wrong (${error.message}): saving the images anew` })
    return saveWith(knowNothing(), input, parts)
  }
}

async function saveWith(known: Known, input: ImageInput, parts: SaveArchiveParts): Promise<SaveResult[]> {
  const { blocks, report, signal } = parts
  const platform = parts.platform === undefined ? undefined : parsePlatform(parts.platform)
  const session = blocks.openImport(signal, known.blocks)
  let written: Written
  try {
    written = await writeImages(input, { sink: session, known, report, platform })
    const roots = new Map(written.images.map(({ dag: { root } }) => [root.cid.toString(), root]))
    await confirm([...roots.values()], known, session, parts)
  } catch (error) {
    await session.abort(error)
    throw error
  }
  for (const [at, { dag, names, imageIds, layers }] of written.images.entries()) {
    const record = recordOf(dag, { names, imageIds, layers })
    await remember(dag.root.cid, record, at === 0 ? written.layers : new Map(), parts)
  }
  return written.images.map(({ dag }) => ({ root: dag.root.cid.toString(), configDigest: dag.configDigest }))
}
