import type { Block, BlockSink } from '../dag/blocks.ts'
import type { CID } from '../dag/cid.ts'
import { DockerIpfsError } from '../errors.ts'
import { writeImage } from '../format/image-dag.ts'
import { writeLayer } from '../format/layer.ts'
import type { ImageInput } from '../image/input.ts'
import { parsePlatform } from '../image/platform.ts'
import { readSavedImage } from '../image/saved-image.ts'
import type { Blocks } from '../store/blocks.ts'
import { knowNothing } from './known.ts'
import type { SaveParts } from './save.ts'
import type { SaveArchiveParts } from './save-archive.ts'
import { writeImages } from './write-images.ts'

/** What a save would do. */
export interface Plan {
  /** The root CID it would print; those of several images of an archive, separated by spaces. */
  readonly root: string
  readonly newBlocks: number
  readonly newBytes: number
  readonly sharedBlocks: number
  readonly sharedBytes: number
}

/** Questions to the node that are under way at once. */
const AT_ONCE = 32

/**
 * Works out a save without writing anything: the blocks are made, and the node is asked for each whether it has it.
 * @throws what `save` throws
 */
export async function plan(
  image: string,
  { engine, node, blocks, report, signal, platform }: SaveParts,
): Promise<Plan> {
  const asked = platform === undefined ? undefined : parsePlatform(platform)
  const found = await engine.inspect(image, signal)
  if (found === undefined) throw new DockerIpfsError('IMAGE_NOT_FOUND', `No such image: ${image}`)
  await node.version(signal)
  report({ type: 'step', text: `Working out a save of ${image}` })
  const sink = new CountingSink(blocks, signal)
  const saved = await readSavedImage(engine.save(found.id, signal), {
    diffIds: new Set(found.layers),
    platform: asked,
    onLayer: (tar) => writeLayer(tar, sink),
  })
  const { root } = await writeImage(saved.platforms, sink)
  return { root: root.cid.toString(), ...(await sink.counts()) }
}

/** The same for each image of an archive; what two of them share counts once. */
export async function planArchive(
  input: ImageInput,
  { node, blocks, report, signal, platform }: SaveArchiveParts,
): Promise<Plan> {
  const asked = platform === undefined ? undefined : parsePlatform(platform)
  await node.version(signal)
  report({ type: 'step', text: `Working out a save of the images of ${input.name}` })
  const sink = new CountingSink(blocks, signal)
  const { images } = await writeImages(input, { sink, known: knowNothing(), report: () => undefined, platform: asked })
  const root = images.map(({ dag }) => dag.root.cid.toString()).join(' ')
  return { root, ...(await sink.counts()) }
}

/** Keeps no block: asks for each whether the node has it, and counts. */
class CountingSink implements BlockSink {
  readonly #blocks: Pick<Blocks, 'hasBlock'>
  readonly #signal: AbortSignal
  readonly #seen = new Set<string>()
  readonly #asked = new Set<Promise<void>>()
  #failure: { readonly reason: unknown } | undefined
  #counts = { newBlocks: 0, newBytes: 0, sharedBlocks: 0, sharedBytes: 0 }

  constructor(blocks: Pick<Blocks, 'hasBlock'>, signal: AbortSignal) {
    this.#blocks = blocks
    this.#signal = signal
  }

  async put({ cid, bytes }: Block): Promise<void> {
    const key = cid.toString()
    if (this.#seen.has(key)) return
    this.#seen.add(key)
    const question: Promise<void> = this.#ask(cid, bytes.length).finally(() => this.#asked.delete(question))
    this.#asked.add(question)
    if (this.#asked.size >= AT_ONCE) await Promise.race(this.#asked)
    if (this.#failure) throw this.#failure.reason
  }

  async counts(): Promise<Omit<Plan, 'root'>> {
    await Promise.all(this.#asked)
    if (this.#failure) throw this.#failure.reason
    return this.#counts
  }

  async #ask(cid: CID, bytes: number): Promise<void> {
    try {
      const has = await this.#blocks.hasBlock(cid, this.#signal)
      this.#counts[has ? 'sharedBlocks' : 'newBlocks'] += 1
      this.#counts[has ? 'sharedBytes' : 'newBytes'] += bytes
    } catch (reason) {
      this.#failure ??= { reason }
    }
  }
}
