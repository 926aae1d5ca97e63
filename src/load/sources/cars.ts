import { type BlockSource, catBlocks } from '../../dag/block-source.ts'
import type { CID } from '../../dag/cid.ts'
import { DockerIpfsError, hasCode } from '../../errors.ts'
import type { Report } from '../../events.ts'
import { fileFailed } from '../../image/input.ts'
import { parseRoot } from '../../names/reference.ts'
import { readInOrder } from '../../read/read-ahead.ts'
import { Seeker, type SeekOptions } from '../../read/seek.ts'
import type { Blocks } from '../../store/blocks.ts'
import { CarBlocks } from '../../store/car/car-blocks.ts'
import { type CarFile, openCar, spoolCar } from '../../store/car/car-reader.ts'
import type { Bytes } from '../../streams.ts'
import { within } from '../../time.ts'
import { noPin } from '../pin.ts'
import type { LoadSource } from '../source.ts'

export interface CarSourceOptions extends SeekOptions {
  /** The node's, asked for blocks that no file has. */
  readonly blocks: Pick<Blocks, 'block'>
  readonly report: Report
  /** What comes through the pipe; it is read where a path is `-`. */
  readonly piped: () => Bytes
}

/** CAR files, which are open. */
export interface CarSource extends LoadSource {
  close(): Promise<void>
}

/**
 * Opens CAR files: their blocks, and those of the node for what they lack. No node is needed when nothing lacks. Nothing is kept.
 * @param paths each a file, or `-`
 * @param reference the root; without it the one that the first file names
 * @throws FILE_FAILED, ARCHIVE_INVALID, INTEGRITY, REFERENCE_INVALID; NOT_AN_IMAGE where no root, or more than one, is named. Reading throws CONTENT_NOT_FOUND
 */
export async function openCarSource(
  paths: readonly string[],
  reference: string | undefined,
  options: CarSourceOptions,
): Promise<CarSource> {
  const cars: CarFile[] = []
  const own = new CarBlocks(cars)
  const close = async () => {
    await Promise.all(cars.map((car) => car.close()))
  }
  try {
    for (const path of paths) cars.push(await openOne(path, options))
    const root = reference === undefined ? rootOf(cars) : parseRoot(reference)
    // Who has the image that a file builds on has what it lacks.
    const seeker = new Seeker([root, ...basesOf(cars)], options)
    const block = (cid: CID, signal: AbortSignal) => find(cid, { own, cars, root, seeker, options, signal })
    const blocks: BlockSource = { block, cat: (file, signal, range) => catBlocks(file, block, signal, range) }
    return {
      root,
      blocks,
      pin: async () => noPin(false),
      openLayers: (image) => readInOrder(image, { ...options, blocks }),
      loaded: async () => undefined,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function openOne(path: string, { report, signal, piped }: CarSourceOptions): Promise<CarFile> {
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

interface CarSearch {
  readonly own: CarBlocks
  readonly cars: readonly CarFile[]
  readonly root: CID
  readonly seeker: Seeker
  readonly options: CarSourceOptions
  readonly signal: AbortSignal
}

/** A block from the first file that has it, else from the node. */
async function find(cid: CID, { own, cars, root, seeker, options, signal }: CarSearch): Promise<Uint8Array> {
  const bytes = await own.ownBlock(cid, signal)
  if (bytes !== undefined) return bytes
  try {
    // A little before the reader itself gives up, who does not know what the files are.
    return await seeker.during(() =>
      within(0.9 * options.timeoutMs, signal, (limited) => options.blocks.block(cid, limited)),
    )
  } catch (cause) {
    if (options.signal.aborted) throw options.signal.reason
    if (hasCode(cause, 'INTEGRITY')) throw cause
    throw lacking(cid, root, cars, cause)
  }
}

/** The images that the files say they build on. */
function basesOf(cars: readonly CarFile[]): CID[] {
  return [...new Map(cars.flatMap(({ since }) => (since === undefined ? [] : [[since.toString(), since]]))).values()]
}

function lacking(cid: CID, root: CID, cars: readonly CarFile[], cause: unknown): DockerIpfsError {
  const bases = basesOf(cars).map(String)
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
