import type { Block, BlockSink } from '../../dag/blocks.ts'
import type { CID } from '../../dag/cid.ts'
import type { Report } from '../../events.ts'
import type { Blocks } from '../../store/blocks.ts'
import type { Node } from '../../store/node.ts'
import type { TargetTraits } from '../input.ts'
import { knowNothing } from '../known.ts'
import type { SaveTarget } from '../target.ts'

export interface CountingOptions {
  readonly node: Pick<Node, 'version'>
  readonly blocks: Pick<Blocks, 'hasBlock'>
  readonly report: Report
  readonly signal: AbortSignal
}

/** What a save would do. */
export interface Plan extends Counts {
  /** The root CID it would print; those of several images of an archive, separated by spaces. */
  readonly root: string
}

interface Counts {
  readonly newBlocks: number
  readonly newBytes: number
  readonly sharedBlocks: number
  readonly sharedBytes: number
}

/** Questions to the node that are under way at once. */
const AT_ONCE = 32

/** What has been counted stays so. */
const TRAITS: TargetTraits = { forgets: false, givesHints: false }

/** Writes nothing: the blocks are made, and the node is asked for each whether it has it. What two images share counts once. */
export function countingTarget({ node, blocks, report, signal }: CountingOptions): SaveTarget<Plan> {
  return {
    async take(input, write) {
      const outline = await input.look(TRAITS)
      await node.version(signal)
      report({ type: 'step', text: `Working out a save of ${input.title}` })
      const sink = new CountingSink(blocks, signal)
      const opened = await input.open(outline, TRAITS)
      try {
        const place = { sink, known: knowNothing(), over: signal, report: () => undefined, tellsMissing: false }
        const { images } = await write(opened, place)
        return { root: images.map(({ dag }) => dag.root.cid.toString()).join(' '), ...(await sink.counts()) }
      } finally {
        opened.close()
      }
    },
  }
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

  async counts(): Promise<Counts> {
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
