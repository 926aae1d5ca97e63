import { DockerIpfsError, messageOf } from '../../errors.ts'
import type { ArchiveEntry } from '../../image/archive.ts'
import { type Bytes, begun } from '../../streams.ts'
import type { PackedImage } from '../engine.ts'
import { exportsIn, filesBeingPacked, type NextExport } from './export-folder.ts'

export interface PackingOptions {
  /** Says where the engine packs; undefined where it does so nowhere. */
  readonly folder: () => Promise<string | undefined>
  /** Asks for the archive. */
  readonly save: (signal: AbortSignal) => Bytes
  readonly signal: AbortSignal
}

/** Lets an engine pack an image. */
export async function beginPacking({ folder, save, signal }: PackingOptions): Promise<PackedImage> {
  // Before the engine is asked: what comes into the folder afterwards may be ours.
  const place = await placeOf(folder)
  const stop = new AbortController()
  const { all: archive, first: packed } = begun(save(AbortSignal.any([signal, stop.signal])))
  const files: PackedImage['files'] =
    place &&
    ((isLayer, limited) => {
      return ofEngine(filesBeingPacked({ ...place, packed, isLayer, signal: limited }), limited)
    })
  return { archive, files, stop: () => stop.abort() }
}

/** The folder, and what is in it. Most users may not look; and where the engine is on another machine there is none of this path here. */
async function placeOf(find: PackingOptions['folder']): Promise<Pick<NextExport, 'folder' | 'before'> | undefined> {
  try {
    const folder = await find()
    return folder === undefined ? undefined : { folder, before: await exportsIn(folder) }
  } catch {
    return undefined
  }
}

/** A file that is gone, or cannot be read, is a fault of the engine: nobody else knows of its folder. */
async function* ofEngine(files: AsyncIterable<ArchiveEntry>, signal: AbortSignal): AsyncGenerator<ArchiveEntry> {
  for await (const file of failing(files, signal)) yield { ...file, body: failing(file.body, signal) }
}

async function* failing<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  try {
    yield* source
  } catch (cause) {
    signal.throwIfAborted()
    const text = `what the Docker engine packs cannot be read: ${messageOf(cause)}`
    throw new DockerIpfsError('ENGINE_FAILED', text, { cause })
  }
}
