import { catBlocks, type FileRef } from '../dag/block-source.ts'
import type { CID } from '../dag/cid.ts'
import { DockerIpfsError, hasCode } from '../errors.ts'
import { fileFailed } from '../image/input.ts'
import { parseRoot } from '../names/reference.ts'
import { readInOrder } from '../read/read-ahead.ts'
import type { Blocks } from '../store/blocks.ts'
import { type CarFile, openCar, spoolCar } from '../store/car/car-reader.ts'
import type { Bytes } from '../streams.ts'
import { type LoadOptions, type LoadResult, loadRoot } from './load.ts'
import { noPin } from './pin.ts'

export interface LoadCarOptions extends Omit<LoadOptions, 'blocks'> {
  /** Asked for blocks that no file has. */
  readonly blocks: Pick<Blocks, 'block'>
  /** What comes through the pipe; it is read where a path is `-`. */
  readonly piped: () => Bytes
}

/**
 * Loads an image from CAR files: their blocks, and those of the node for what they lack. No node is needed when nothing lacks.
 * `reference`: the root; without it the one that the first file names.
 * @throws FILE_FAILED, ARCHIVE_INVALID, INTEGRITY, CONTENT_NOT_FOUND, and what `load` throws
 */
export async function loadCars(
  paths: readonly string[],
  reference: string | undefined,
  options: LoadCarOptions,
): Promise<LoadResult> {
  const cars: CarFile[] = []
  try {
    for (const path of paths) cars.push(await openOne(path, options))
    const root = reference === undefined ? rootOf(cars) : parseRoot(reference)
    const block = (cid: CID, signal: AbortSignal) => find(cid, { cars, root, options, signal })
    const blocks = { block, cat: (file: FileRef, signal: AbortSignal) => catBlocks(file, block, signal) }
    const reading = { ...options, blocks }
    return await loadRoot(root, reading, async (image) => ({
      openLayers: () => readInOrder(image, reading),
      pin: noPin(false),
      after: async () => undefined,
    }))
  } finally {
    await Promise.all(cars.map((car) => car.close()))
  }
}

async function openOne(path: string, { report, signal, piped }: LoadCarOptions): Promise<CarFile> {
  const name = path === '-' ? 'the standard input' : path
  report({ type: 'step', text: `Checking ${name}` })
  try {
    return path === '-' ? await spoolCar(piped(), name, signal) : await openCar(path, signal)
  } catch (cause) {
    if (cause instanceof DockerIpfsError || signal.aborted) throw cause
    throw fileFailed(name, cause)
  }
}

function rootOf(cars: readonly CarFile[]): CID {
  const [first] = cars
  const [root, ...more] = first?.roots ?? []
  if (root !== undefined && more.length === 0) return root
  throw new DockerIpfsError('NOT_AN_IMAGE', `${first?.name} names ${first?.roots.length} roots`, {
    hint: 'Say which: docker ipfs load -i FILE CID',
  })
}

interface Search {
  readonly cars: readonly CarFile[]
  readonly root: CID
  readonly options: LoadCarOptions
  readonly signal: AbortSignal
}

/** A block from the first file that has it, else from the node. */
async function find(cid: CID, { cars, root, options, signal }: Search): Promise<Uint8Array> {
  for (const car of cars) {
    const bytes = await car.block(cid)
    if (bytes !== undefined) return bytes
  }
  // A little before the reader itself gives up, who does not know what the files are.
  const limit = AbortSignal.timeout(0.9 * options.timeoutMs)
  try {
    return await options.blocks.block(cid, AbortSignal.any([signal, limit]))
  } catch (cause) {
    if (options.signal.aborted) throw options.signal.reason
    if (hasCode(cause, 'INTEGRITY')) throw cause
    throw lacking(cid, root, cars, cause)
  }
}

function lacking(cid: CID, root: CID, cars: readonly CarFile[], cause: unknown): DockerIpfsError {
  const bases = [...new Set(cars.flatMap(({ since }) => (since === undefined ? [] : [since.toString()])))]
  const files = cars.map(({ name }) => name).join(' and ')
  const [base] = bases
  if (base === undefined) {
    return new DockerIpfsError(
      'CONTENT_NOT_FOUND',
      `${files} lacks the block ${cid} of ${root}, and so does the node`,
      {
        cause,
        hint: 'The file was made otherwise, or cut at the end of a block: make it again with "docker ipfs save -o".',
      },
    )
  }
  return new DockerIpfsError(
    'CONTENT_NOT_FOUND',
    `${files} holds only what ${bases.join(' and ')} lacks, and the node does not have that image (block ${cid})`,
    { cause, hint: `Give its CAR file too (another -i), or start a node that has it or finds it: ${base}` },
  )
}
