import type { Block } from '../../dag/blocks.ts'
import type { CID } from '../../dag/cid.ts'
import { DockerIpfsError } from '../../errors.ts'
import type { Report } from '../../events.ts'
import { fileFailed, outputFile } from '../../image/input.ts'
import { parseRoot } from '../../names/reference.ts'
import type { Blocks } from '../../store/blocks.ts'
import { type CarWriter, createCar } from '../../store/car/car-writer.ts'
import type { Bytes } from '../../streams.ts'
import { within } from '../../time.ts'
import type { OpenInput, TargetTraits } from '../input.ts'
import { blocksOf, knowNothing } from '../known.ts'
import type { SaveResult, SaveTarget, WriteImages, WrittenImage } from '../target.ts'
import { tellSaved } from '../write-images.ts'

export interface CarTargetOptions {
  /** Asked only for `since`. */
  readonly blocks: Pick<Blocks, 'block'>
  readonly report: Report
  readonly signal: AbortSignal
  /** The file to write; without it `send` is given its bytes. */
  readonly path?: string | undefined
  readonly send?: (bytes: Bytes) => Promise<void>
  /** An image whose blocks are left out. */
  readonly since?: string | undefined
  /** Time for each block of that image, in milliseconds. */
  readonly timeoutMs: number
}

export interface CarResult extends SaveResult {
  readonly blocks: number
  readonly bytes: number
  /** Blocks that were left out. */
  readonly skipped: number
}

/** What has been written into a file stays there, and goes to others with it. */
const TRAITS: TargetTraits = { forgets: false, givesHints: false }

/**
 * A CAR file of one image, which has its root in the header. The file is there when it is whole, or not at all.
 * Throws FILE_FAILED; CONTENT_NOT_FOUND and NODE_* for `since`.
 */
export function carTarget(options: CarTargetOptions): SaveTarget<CarResult> {
  return {
    async take(input, write) {
      const outline = await input.look(TRAITS)
      const since = options.since === undefined ? undefined : parseRoot(options.since)
      const path = options.path === undefined ? undefined : await outputFile(options.path)
      const known = since === undefined ? new Set<string>() : await blocksAt(since, options)
      options.report({ type: 'step', text: `Saving ${input.name}` })
      const car = await writing(path, () => createCar({ path, known, since }))
      try {
        const opened = await input.open(outline, TRAITS)
        try {
          return await fill(car, opened, write, input.name, options)
        } finally {
          opened.close()
        }
      } finally {
        await car.close()
      }
    },
  }
}

async function fill(
  car: CarWriter,
  opened: OpenInput,
  write: WriteImages,
  name: string,
  { path, send, report, signal }: CarTargetOptions,
): Promise<CarResult> {
  const sink = { put: (block: Block) => writing(path, () => car.put(block)) }
  const place = { sink, known: knowNothing(), over: signal, report, tellsMissing: true }
  const began = Date.now()
  const written = await write(opened, place)
  const { dag } = onlyImage(written.images, name)
  signal.throwIfAborted()
  await writing(path, () => car.finish(dag.root.cid))
  if (path === undefined) await send?.(car.bytes())
  tellSaved(written, Date.now() - began, report)
  const { blocks, bytes } = car.written
  return { root: dag.root.cid.toString(), configDigest: dag.configDigest, blocks, bytes, skipped: car.skipped }
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
async function blocksAt(since: CID, { blocks, report, signal, timeoutMs }: CarTargetOptions): Promise<Set<string>> {
  report({ type: 'step', text: `Looking for ${since}` })
  const onLate = () =>
    new DockerIpfsError('CONTENT_NOT_FOUND', `no node gave ${since} within ${Math.round(timeoutMs / 1000)} s`, {
      hint: 'Give --since an image that the node has, or save the whole image without it.',
    })
  return blocksOf(since, (cid) => within(timeoutMs, signal, (limited) => blocks.block(cid, limited), onLate))
}

function onlyImage(images: readonly WrittenImage[], name: string): WrittenImage {
  const [image, ...more] = images
  if (image !== undefined && more.length === 0) return image
  throw new DockerIpfsError('ARCHIVE_INVALID', `${name} holds ${images.length} images, and a CAR file takes one`, {
    hint: 'Save them to the node, or take them apart first, for instance with skopeo copy.',
  })
}
