import type { CID } from '../dag/cid.ts'
import type { Engine } from '../engine/engine.ts'
import { DockerIpfsError } from '../errors.ts'
import type { Report } from '../events.ts'
import { fileFailed, type ImageInput, outputFile, savedInput } from '../image/input.ts'
import { parsePlatform } from '../image/platform.ts'
import { parseRoot } from '../names/reference.ts'
import type { Blocks } from '../store/blocks.ts'
import { type CarWriter, createCar } from '../store/car/car-writer.ts'
import type { Bytes } from '../streams.ts'
import { blocksOf, knowNothing } from './known.ts'
import type { SaveResult } from './save.ts'
import { type WrittenImage, writeImages } from './write-images.ts'

export interface SaveCarParts {
  /** Asked only for `since`. */
  readonly blocks: Pick<Blocks, 'block'>
  readonly report: Report
  readonly signal: AbortSignal
  /** The file to write; without it `send` is given its bytes. */
  readonly path?: string | undefined
  readonly send?: (bytes: Bytes) => Promise<void>
  /** An image whose blocks are left out. */
  readonly since?: string | undefined
  readonly timeoutMs: number
  readonly platform?: string | undefined
}

export interface SaveCarResult extends SaveResult {
  readonly blocks: number
  readonly bytes: number
  readonly skipped: number
}

/** What `save -o` is given in place of an archive: an image of the engine. */
export async function engineInput(image: string, engine: Engine, signal: AbortSignal): Promise<ImageInput> {
  const found = await engine.inspect(image, signal)
  if (found === undefined) throw new DockerIpfsError('IMAGE_NOT_FOUND', `No such image: ${image}`)
  return savedInput(image, () => engine.save(found.id, signal), found.layers)
}

/**
 * Writes one image into a CAR file, which has its root in the header. The file is there when it is whole, or not at all.
 * @throws FILE_FAILED, ARCHIVE_INVALID, INTEGRITY, ENGINE_*; CONTENT_NOT_FOUND and NODE_* for `since`
 */
export async function saveCar(input: ImageInput, parts: SaveCarParts): Promise<SaveCarResult> {
  const { report, path } = parts
  const platform = parts.platform === undefined ? undefined : parsePlatform(parts.platform)
  const since = parts.since === undefined ? undefined : parseRoot(parts.since)
  const target = path === undefined ? undefined : await outputFile(path)
  const known = since === undefined ? new Set<string>() : await blocksAt(since, parts)
  report({ type: 'step', text: `Saving ${input.name}` })
  const car = await writing(target, () => createCar({ path: target, known, since }))
  try {
    const sink = { put: (block: Parameters<CarWriter['put']>[0]) => writing(path, () => car.put(block)) }
    const written = await writeImages(input, { sink, known: knowNothing(), report, platform })
    const { dag } = onlyImage(written.images, input.name)
    parts.signal.throwIfAborted()
    await writing(path, () => car.finish(dag.root.cid))
    if (target === undefined) await parts.send?.(car.bytes())
    const { blocks, bytes } = car.written
    return { root: dag.root.cid.toString(), configDigest: dag.configDigest, blocks, bytes, skipped: car.skipped }
  } finally {
    await car.close()
  }
}

/** A full disk is told with the name of the file. */
async function writing<T>(path: string | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw cause instanceof DockerIpfsError ? cause : fileFailed(path ?? 'a temp file', cause)
  }
}

/** The blocks of an image, from the node or whoever it finds. */
async function blocksAt(since: CID, { blocks, report, signal, timeoutMs }: SaveCarParts): Promise<Set<string>> {
  report({ type: 'step', text: `Looking for ${since}` })
  const read = async (cid: CID) => {
    const limit = AbortSignal.timeout(timeoutMs)
    try {
      return await blocks.block(cid, AbortSignal.any([signal, limit]))
    } catch (error) {
      if (signal.aborted || !limit.aborted) throw error
      const text = `no node gave ${since} within ${Math.round(timeoutMs / 1000)} s`
      throw new DockerIpfsError('CONTENT_NOT_FOUND', text, {
        hint: 'Give --since an image that the node has, or save the whole image without it.',
      })
    }
  }
  return blocksOf(since, read)
}

function onlyImage(images: readonly WrittenImage[], name: string): WrittenImage {
  const [image, ...more] = images
  if (image !== undefined && more.length === 0) return image
  throw new DockerIpfsError('ARCHIVE_INVALID', `${name} holds ${images.length} images, and a CAR file takes one`, {
    hint: 'Save them to the node, or take them apart first, for instance with skopeo copy.',
  })
}
