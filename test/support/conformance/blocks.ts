import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { FileRef, Range } from '../../../src/dag/block-source.ts'
import { type Block, rawBlock } from '../../../src/dag/blocks.ts'
import { type CID, parseCid } from '../../../src/dag/cid.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { type DagNode, joinFile, leafNode, writeDirectory, writeFile } from '../../../src/format/files.ts'
import type { Blocks } from '../../../src/store/blocks.ts'
import { errorOf } from '../error-of.ts'
import { noise } from '../images.ts'
import { MemorySink } from '../memory-sink.ts'

/** A place that holds what a test gave it, and nothing else of it. */
export interface HeldBlocks {
  readonly blocks: Blocks
  /** From now on it has other bytes for a block. */
  spoil(cid: CID, bytes: Uint8Array): Promise<void>
  close(): Promise<void>
}

export interface BlocksKind {
  /** Holds these blocks, all of which are below the root, for a new place. */
  readonly open: (blocks: readonly Block[], root: CID) => Promise<HeldBlocks>
  /** It reads leaves for `cat` without a look at their hashes. */
  readonly believesLeaves?: boolean
  /** Nothing is at hand but what somebody gave it before. */
  readonly ownsNothing?: boolean
}

/** What there is to read: files in a directory, by name. */
class Sample {
  readonly #sink = new MemorySink()
  readonly #files = new Map<string, { readonly node: DagNode; readonly bytes: Buffer }>()
  #root: CID | undefined

  static async make(seed: string): Promise<Sample> {
    const sample = new Sample()
    await sample.#write('one leaf', [noise(2000, `${seed} one`)])
    await sample.#write(
      'many leaves',
      Array.from({ length: 300 }, (_, at) => noise(10_000, `${seed} many ${at}`)),
    )
    await sample.#write(
      'two levels',
      Array.from({ length: 1100 }, (_, at) => noise(40, `${seed} levels ${at}`)),
    )
    await sample.#write('empty', [Buffer.alloc(0)])
    const inner = await writeDirectory(
      new Map([...sample.#files].map(([name, { node }]) => [name, node])),
      sample.#sink,
    )
    const outer = await writeDirectory(new Map([['inner', inner]]), sample.#sink)
    const text = await writeFile(Buffer.from(seed), sample.#sink)
    sample.#root = (
      await writeDirectory(
        new Map([
          ['outer', outer],
          ['text', text],
        ]),
        sample.#sink,
      )
    ).cid
    return sample
  }

  async #write(name: string, pieces: readonly Buffer[]): Promise<void> {
    const leaves = pieces.map(rawBlock)
    for (const leaf of leaves) await this.#sink.put(leaf)
    this.#files.set(name, { node: await joinFile(leaves.map(leafNode), this.#sink), bytes: Buffer.concat(pieces) })
  }

  get root(): CID {
    return this.#root as CID
  }

  get blocks(): Block[] {
    return [...this.#sink.blocks].map(([cid, bytes]) => ({ cid: parseCid(cid), bytes }))
  }

  bytes(name: string): Buffer {
    return this.#files.get(name)?.bytes ?? Buffer.alloc(0)
  }

  cid(name: string): CID {
    return this.#files.get(name)?.node.cid as CID
  }

  /** The CID of a leaf of a file. */
  leaf(name: string, at: number): CID {
    return this.#sink.links(this.cid(name))[at]?.Hash as CID
  }

  file(...path: string[]): FileRef {
    return { root: this.root, path: ['outer', 'inner', ...path] }
  }
}

const open = new AbortController().signal
/** What nobody has. */
const LOST = rawBlock(noise(100, 'lost'))
/** What a place says where there is no such file: a node in its own words, and gateways do not know why others have it not. */
const NO_FILE = ['NOT_AN_IMAGE', 'NODE_FAILED', 'CONTENT_NOT_FOUND']

/** Holds an implementation of the port against what the port says. */
export function conformsAsBlocks(name: string, kind: BlocksKind): void {
  describe(`blocks of ${name}`, () => {
    let sample: Sample
    let held: HeldBlocks
    beforeAll(async () => {
      sample = await Sample.make('conformance')
      held = await kind.open(sample.blocks, sample.root)
    })
    afterAll(() => held.close())

    const cat = (file: FileRef, range?: Range, signal = open) => read(held.blocks, file, range, signal)
    blocksOneByOne(() => ({ sample, blocks: held.blocks }), kind)
    files(() => ({ sample, cat }))
    aborted(() => ({ sample, blocks: held.blocks }))

    test('are read by many at once', async () => {
      const names = ['one leaf', 'many leaves', 'two levels', 'empty']
      const readers = Array.from({ length: 24 }, async (_, at) => {
        const name = names[at % names.length] as string
        const range = at < 12 ? undefined : { offset: 100 * at, length: 1000 * at }
        const [bytes, block] = await Promise.all([
          cat(sample.file(name), range),
          held.blocks.block(sample.leaf('many leaves', at), open),
        ])
        const { offset, length } = range ?? { offset: 0, length: Number.POSITIVE_INFINITY }
        expect(bytes.equals(sample.bytes(name).subarray(offset, offset + length))).toBe(true)
        expect(block).toHaveLength(10_000)
      })
      await Promise.all(readers)
    })

    wrong(kind)
  })
}

interface Held {
  readonly sample: Sample
  readonly blocks: Blocks
}

function blocksOneByOne(held: () => Held, { ownsNothing = false }: BlocksKind): void {
  test('that are there are given', async () => {
    const { sample, blocks } = held()
    for (const { cid, bytes } of sample.blocks.slice(0, 20)) {
      expect(Buffer.from(await blocks.block(cid, open)).equals(bytes)).toBe(true)
      expect(await blocks.hasBlock(cid, open)).toBe(true)
    }
  })

  test('that are there are at hand, or have to be asked for', async () => {
    const { sample, blocks } = held()
    for (const { cid, bytes } of sample.blocks.slice(0, 20)) {
      const own = await blocks.ownBlock(cid, open)
      if (own === undefined) expect(ownsNothing).toBe(true)
      else expect(Buffer.from(own).equals(bytes)).toBe(true)
    }
  })

  test('that are not there are not given', async () => {
    const { blocks } = held()
    expect(await blocks.ownBlock(LOST.cid, open)).toBeUndefined()
    expect(await blocks.hasBlock(LOST.cid, open)).toBe(false)
    const limit = AbortSignal.timeout(500)
    const error = await errorOf(blocks.block(LOST.cid, limit))
    // Somebody may be asked for ever, or it is known that nobody has it.
    if (limit.aborted) expect(error).toBe(limit.reason)
    else expect(error).toMatchObject({ code: 'CONTENT_NOT_FOUND' })
  })
}

interface Files {
  readonly sample: Sample
  readonly cat: (file: FileRef, range?: Range) => Promise<Buffer>
}

function files(held: () => Files): void {
  test.each(['one leaf', 'many leaves', 'two levels', 'empty'])('give a file: %s', async (name) => {
    const { sample, cat } = held()
    expect((await cat(sample.file(name))).equals(sample.bytes(name))).toBe(true)
    expect((await cat({ root: sample.cid(name), path: [] })).equals(sample.bytes(name))).toBe(true)
  })

  test.each([
    ['the beginning', { offset: 0, length: 10 }],
    ['the first leaf', { offset: 0, length: 10_000 }],
    ['the middle', { offset: 12_345, length: 23_456 }],
    ['one byte', { offset: 19_999, length: 1 }],
    ['more than there is', { offset: 1500, length: 1e9 }],
    ['what is behind the end', { offset: 3_000_000, length: 5 }],
    ['nothing', { offset: 5, length: 0 }],
  ])('give %s of a file', async (_, range) => {
    const { sample, cat } = held()
    for (const name of ['one leaf', 'many leaves', 'two levels']) {
      const right = sample.bytes(name).subarray(range.offset, range.offset + range.length)
      expect((await cat(sample.file(name), range)).equals(right)).toBe(true)
    }
  })

  test.each([
    ['a directory', []],
    ['a name that is not there', ['nothing']],
    ['a name below a file', ['one leaf', 'below']],
  ])('do not give %s', async (_, path) => {
    const { sample, cat } = held()
    const error = await errorOf(cat(sample.file(...path)))
    expect(error).toBeInstanceOf(DockerIpfsError)
    expect(NO_FILE).toContain((error as DockerIpfsError).code)
  })
}

function aborted(held: () => Held): void {
  const reason = new Error('stopped')

  test('are not asked for with a signal that is aborted', async () => {
    const { sample, blocks } = held()
    const signal = AbortSignal.abort(reason)
    const cid = sample.leaf('many leaves', 0)
    const asked = [
      blocks.block(cid, signal),
      blocks.block(sample.root, signal),
      blocks.ownBlock(cid, signal),
      blocks.hasBlock(cid, signal),
      read(blocks, sample.file('one leaf'), undefined, signal),
    ]
    expect(await Promise.all(asked.map(errorOf))).toEqual(asked.map(() => reason))
  })

  test('end with the reason of a signal that is aborted in the middle of a file', async () => {
    const { sample, blocks } = held()
    const stop = new AbortController()
    let pieces = 0
    const reading = async () => {
      for await (const _ of blocks.cat(sample.file('many leaves'), stop.signal)) {
        pieces += 1
        // Time for what is read ahead.
        await Bun.sleep(20)
        stop.abort(reason)
      }
    }
    expect(await errorOf(reading())).toBe(reason)
    expect(pieces).toBe(1)
  })

  test('end with the reason of a signal that is aborted while they are waited for', async () => {
    const { blocks } = held()
    const stop = new AbortController()
    const asked = errorOf(blocks.block(LOST.cid, stop.signal))
    stop.abort(reason)
    const error = await asked
    if (error !== reason) expect(error).toMatchObject({ code: 'CONTENT_NOT_FOUND' })
  })
}

function wrong({ open: hold, believesLeaves = false }: BlocksKind): void {
  test('that are wrong are not given', async () => {
    const sample = await Sample.make('wrong')
    const held = await hold(sample.blocks, sample.root)
    const cid = sample.leaf('many leaves', 100)
    await held.spoil(cid, noise(10_000, 'somebody else'))
    try {
      expect(await errorOf(held.blocks.block(cid, AbortSignal.timeout(20_000)))).toMatchObject({ code: 'INTEGRITY' })
      const own = await held.blocks.ownBlock(cid, open).catch((error: unknown) => error)
      if (own !== undefined) expect(own).toMatchObject({ code: 'INTEGRITY' })
      if (believesLeaves) return
      const right = sample.bytes('many leaves')
      const given: Uint8Array[] = []
      const reading = async () => {
        const file = sample.file('many leaves')
        for await (const bytes of held.blocks.cat(file, AbortSignal.timeout(20_000))) given.push(bytes)
      }
      expect(await errorOf(reading())).toMatchObject({ code: 'INTEGRITY' })
      const all = Buffer.concat(given)
      expect(all.equals(right.subarray(0, all.length))).toBe(true)
      expect(all.length).toBeLessThanOrEqual(1_000_000)
    } finally {
      await held.close()
    }
  })
}

async function read(blocks: Blocks, file: FileRef, range: Range | undefined, signal: AbortSignal): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(blocks.cat(file, signal, range)))
}
