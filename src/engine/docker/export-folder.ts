import { constants } from 'node:fs'
import { lstat, open, readdir, readlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathInArchive } from '../../image/archive.ts'
import type { Bytes } from '../../streams.ts'

/** A file that the engine writes for an archive, as it stands in there. */
export interface ExportedFile {
  readonly path: string
  /** Bytes; undefined while it may still grow. */
  readonly size: number | undefined
  /** Set for a link: the path in the archive that it points at. */
  readonly linkTarget: string | undefined
  readonly body: Bytes
}

/** An export that is about to begin. */
export interface NextExport {
  /** The engine's folder for temp files. */
  readonly folder: string
  /** What was there before the engine was asked. */
  readonly before: ReadonlySet<string>
  /** Settled when the engine has packed all: its answer begins. */
  readonly packed: Promise<unknown>
  /** Whether a file of this path is a layer, as a plain tar. */
  readonly isLayer: (path: string) => boolean
  readonly signal: AbortSignal
}

/** Milliseconds between two looks at what grows. */
const LOOK_MS = 5
/** Bytes that are read at a time. */
const PIECE = 256 * 1024
/** The only ones that are looked at. */
const EXPORT = /^docker-export-?\d+$/

/**
 * Exports that are under way. A classic store packs an image into such a folder, layer by layer, before it answers with the first byte
 * (moby `image/tarexport/save.go`, 20.10 to 28.5).
 * @throws where the folder cannot be read
 */
export async function exportsIn(folder: string): Promise<Set<string>> {
  return new Set((await readdir(folder)).filter((name) => EXPORT.test(name)))
}

/**
 * The files of the export that begins next, while the engine writes them: layers as they grow, then all else, manifest.json at the end. None
 * where no export is seen. It may be somebody else's: what is read is to be held against the image, as what the engine sends is.
 * @throws where a file cannot be read, or is gone; the signal's reason
 */
export async function* filesBeingPacked(next: NextExport): AsyncGenerator<ExportedFile> {
  const { packed, signal, isLayer } = next
  let isPacked = false
  const end = () => {
    isPacked = true
  }
  packed.then(end, end)
  const look = () => sleep(LOOK_MS, undefined, { signal })
  const own = await findExport(next, () => isPacked, look)
  if (own === undefined) return
  const folder = join(next.folder, own)
  const done = new Set<string>()
  for (;;) {
    const isLast = isPacked
    const layers = (await layersIn(folder, isLayer)).filter(({ path }) => !done.has(path))
    // The engine writes one after the other. Of those that may still grow, the largest one does.
    const [layer] = layers.sort((a, b) => Number(b.isWhole) - Number(a.isWhole) || b.size - a.size)
    if (layer !== undefined) {
      done.add(layer.path)
      const isWhole = async () => {
        if (isPacked || (await layersIn(folder, isLayer)).some(({ path, isWhole }) => isWhole && path === layer.path))
          return true
        await look()
        return false
      }
      yield {
        path: layer.path,
        size: layer.isWhole || isLast ? layer.size : undefined,
        linkTarget: undefined,
        body: growing(join(folder, layer.path), isWhole),
      }
    } else if (isLast) break
    else await look()
  }
  for (const path of (await readdir(folder, { recursive: true })).sort(manifestLast)) {
    if (!done.has(path)) yield* fileAt(folder, path)
  }
}

async function findExport(
  { folder, before }: NextExport,
  isPacked: () => boolean,
  look: () => Promise<void>,
): Promise<string | undefined> {
  for (;;) {
    const isLast = isPacked()
    for (const name of await exportsIn(folder)) if (!before.has(name)) return name
    if (isLast) return undefined
    await look()
  }
}

interface GrowingLayer {
  readonly path: string
  readonly size: number
  /** Another one was begun after it. */
  readonly isWhole: boolean
}

async function layersIn(folder: string, isLayer: (path: string) => boolean): Promise<GrowingLayer[]> {
  const paths = (await readdir(folder, { recursive: true })).filter(isLayer)
  const stats = await Promise.all(paths.map((path) => lstat(join(folder, path))))
  const newest = Math.max(...stats.map(({ birthtimeMs }) => birthtimeMs))
  return paths.flatMap((path, at) => {
    const stat = stats[at]
    if (!stat?.isFile()) return []
    return [{ path, size: stat.size, isWhole: stat.birthtimeMs < newest }]
  })
}

/** A file to its end, which is there once it is whole; asked at what is its end for now, `isWhole` may take a moment. */
async function* growing(file: string, isWhole: () => Promise<boolean>): Bytes {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    for (let isLast = false; ; ) {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(PIECE), 0, PIECE)
      if (bytesRead > 0) yield buffer.subarray(0, bytesRead)
      else if (isLast) return
      else isLast = await isWhole()
    }
  } finally {
    await handle.close()
  }
}

async function* fileAt(folder: string, path: string): AsyncGenerator<ExportedFile> {
  const file = join(folder, path)
  const stat = await lstat(file)
  if (stat.isSymbolicLink()) {
    const linkTarget = pathInArchive(join(dirname(path), await readlink(file)))
    yield { path, size: 0, linkTarget, body: nothing() }
  }
  if (!stat.isFile()) return
  yield { path, size: stat.size, linkTarget: undefined, body: growing(file, async () => true) }
}

async function* nothing(): Bytes {}

function manifestLast(a: string, b: string): number {
  return Number(basename(a) === 'manifest.json') - Number(basename(b) === 'manifest.json') || (a < b ? -1 : 1)
}
