import type { Engine } from '../engine/engine.ts'
import { readArchive } from '../image/archive.ts'
import { parsedObject } from '../json.ts'
import { collect } from '../streams.ts'

/** Bytes of a document of a tiny image; an archive of one has nothing larger. */
const TINY = 64 * 1024

/** What an image of ours has for its author: load/into-engine makes two kinds, and takes both away when a load is over. */
const OURS = /^docker-ipfs[: ]/

/**
 * IDs of the images without a name that a load made for itself, and was killed before it took them away.
 * @throws ENGINE_*
 */
export async function leftImages(
  engine: Pick<Engine, 'images' | 'inspect' | 'save'>,
  signal: AbortSignal,
): Promise<string[]> {
  const left: string[] = []
  for (const { id, names, bytes } of await engine.images(signal)) {
    if (names.length > 0) continue
    const found = await engine.inspect(id, signal)
    if (found === undefined) continue
    // Of an image that lacks a layer a containerd store tells neither layers nor author; but it packs what it has.
    const author = found.author ?? (bytes < TINY ? await authorIn(engine.save(id, signal)) : '')
    if (OURS.test(author)) left.push(id)
  }
  return left
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
