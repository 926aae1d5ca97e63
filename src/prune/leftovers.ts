import type { Catalogue } from '../catalogue/catalogue.ts'
import type { Engine } from '../engine/engine.ts'
import { isLeftName } from '../engine/passage.ts'
import { readArchive } from '../image/archive.ts'
import { parsedObject } from '../json.ts'
import type { Pins } from '../store/pins.ts'
import { collect } from '../streams.ts'

/** Bytes of a document of a tiny image; an archive of one has nothing larger. */
const TINY = 64 * 1024

/** What an image of ours has for its author: load/into-engine makes two kinds, and takes both away when a load is over. */
const OURS = /^docker-ipfs[: ]/

/**
 * What saves and loads made on an engine for themselves, and were killed before they took it away: the IDs of images without a name, and names
 * that images got on their way.
 * @throws ENGINE_*
 */
export async function leftImages(
  engine: Pick<Engine, 'images' | 'inspect' | 'save'>,
  signal: AbortSignal,
): Promise<string[]> {
  const left: string[] = []
  for (const { id, names, bytes } of await engine.images(signal)) {
    const isLeft = await Promise.all(names.map(isLeftName))
    left.push(...names.filter((_, at) => isLeft[at]))
    if (names.length > 0) continue
    const found = await engine.inspect(id, signal)
    if (found === undefined) continue
    // Of an image that lacks a layer a containerd store tells neither layers nor author; but it packs what it has.
    const author = found.author ?? (bytes < TINY ? await authorIn(engine.save(id, signal)) : '')
    if (OURS.test(author)) left.push(id)
  }
  return left
}

/** Whom the images of an engine are held against. */
export interface KnownImages {
  readonly catalogue: Pick<Catalogue, 'records'>
  readonly pins: Pick<Pins, 'pinnedRoots'>
  /** Full names that are to go: what they stand for may not be there afterwards. */
  readonly going: readonly string[]
}

/**
 * IDs of whole images that a load was killed or cancelled behind: without a name, used by no container, and kept by the node, which can give them
 * again. A classic store tells which of them had a name once: those are somebody's builds.
 * @throws ENGINE_*, NODE_*
 */
export async function unnamedCopies(
  engine: Pick<Engine, 'info' | 'inspect' | 'unusedImages'>,
  { catalogue, pins, going }: KnownImages,
  signal: AbortSignal,
): Promise<string[]> {
  const unused = await engine.unusedImages(signal)
  if (unused.length === 0) return []
  const [{ containerdStore }, records, pinned] = await Promise.all([
    engine.info(signal),
    catalogue.records(signal),
    pins.pinnedRoots(signal),
  ])
  const kept = [...records.values()]
    .filter((record) => record !== undefined)
    .filter(({ root, names }) => pinned.has(root) && !names.some((name) => going.includes(name)))
  const known = new Set(kept.flatMap((record) => [...record.imageIds, record.configDigest, record.manifestDigest]))
  const copies: string[] = []
  for (const id of unused.filter((each) => known.has(each))) {
    const found = await engine.inspect(id, signal)
    if (found === undefined || found.names.length > 0) continue
    if (containerdStore || found.namedAt === undefined) copies.push(id)
  }
  return copies
}

/** The author that a config in this archive has; '' where there is none, or it cannot be read. */
async function authorIn(archive: ReturnType<Engine['save']>): Promise<string> {
  try {
    for await (const { path, size, body } of readArchive(archive)) {
      if (!path.startsWith('blobs/') || (size ?? 0) > TINY) continue
      const author = parsedObject(Buffer.from(await collect(body, TINY, path)).toString('utf8'))?.['author']
      if (typeof author === 'string') return author
    }
  } catch {
    // It went meanwhile, or is no archive: not ours to remove.
  }
  return ''
}
