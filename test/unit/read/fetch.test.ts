import { describe, expect, test } from 'bun:test'
import { childrenOf, isLeaf, rawBlock } from '../../../src/dag/blocks.ts'
import { type CID, parseCid } from '../../../src/dag/cid.ts'
import { leavesInRange } from '../../../src/dag/file-range.ts'
import { type DagNode, joinFile, leafNode, writeDirectory } from '../../../src/format/files.ts'
import { LayerFetch } from '../../../src/read/fetch.ts'
import type { ReadLayer } from '../../../src/read/layers.ts'
import { type Bytes, collect } from '../../../src/streams.ts'
import { bulk, digest } from '../../support/images.ts'
import { MemorySink } from '../../support/memory-sink.ts'
import { never } from '../../support/never.ts'
import { NO_SEEKER } from '../../support/no-seeker.ts'

const sink = new MemorySink()
const blockOf = async (cid: CID) => sink.blocks.get(cid.toString()) as Uint8Array

/** A file of leaves of 2 KiB: of more than 1024 it has two levels. */
async function fileOf(bytes: Buffer): Promise<DagNode> {
  const leaves: DagNode[] = []
  for (let at = 0; at < bytes.length; at += 2048) {
    const leaf = rawBlock(bytes.subarray(at, at + 2048))
    await sink.put(leaf)
    leaves.push(leafNode(leaf))
  }
  return leaves.length === 1 ? (leaves[0] as DagNode) : joinFile(leaves, sink)
}

const BLOBS = [bulk(2200 * 2048 + 5, 'first'), Buffer.from('tiny'), bulk(3 * 2048, 'second')]
const LAYERS = BLOBS.map((bytes) => ({ digest: digest(bytes), size: bytes.length, tarSize: 0, diffId: '' }))
const FILES = await Promise.all(BLOBS.map(fileOf))
const sha256 = await writeDirectory(new Map(FILES.map((file, at) => [LAYERS[at]?.digest.slice(7) ?? '', file])), sink)
const blobs = await writeDirectory(new Map([['sha256', sha256]]), sink)
const ROOT = (await writeDirectory(new Map([['blobs', blobs]]), sink)).cid
const IMAGE = { root: ROOT, layers: LAYERS }

/** A node that gets blocks from far: what is below a block comes link by link, as `ipfs refs -r` gives it. */
class FarNode {
  readonly asked: string[] = []
  readonly here = new Set<string>()
  open = 0
  /** What its counter says. */
  bytesReceived = async () => 0
  /** Before each block that is not here yet. */
  before: (signal: AbortSignal) => Promise<unknown> = async () => undefined

  /** So many blocks that are not here yet come, and then none. */
  givesOnly(blocks: number): void {
    let left = blocks
    this.before = async (signal) => {
      if (left-- <= 0) await never(signal)
    }
  }

  async block(cid: CID): Promise<Uint8Array> {
    this.here.add(cid.toString())
    return blockOf(cid)
  }

  async *fetchBelow(cid: CID, signal: AbortSignal): AsyncGenerator<void> {
    this.asked.push(`${FILES.findIndex((file) => file.cid.equals(cid))}`)
    this.open += 1
    try {
      yield* this.#links(cid, signal)
    } finally {
      this.open -= 1
    }
  }

  async *#links(cid: CID, signal: AbortSignal): AsyncGenerator<void> {
    for (const child of childrenOf({ cid, bytes: await blockOf(cid) })) {
      signal.throwIfAborted()
      const aborted = never(signal)
      aborted.catch(() => undefined)
      if (!this.here.has(child.toString())) await Promise.race([this.before(signal), aborted])
      this.here.add(child.toString())
      yield
      if (!isLeaf(child)) yield* this.#links(child, signal)
    }
  }

  /** Reads what is here, and fails for what is not. */
  readonly read: ReadLayer = (layer, { offset, length }) => this.#read(layer.digest, offset, offset + length)

  async *#read(name: string, from: number, to: number): Bytes {
    const at = LAYERS.findIndex((layer) => layer.digest === name)
    for await (const leaf of leavesInRange((FILES[at] as DagNode).cid, { from, to }, blockOf)) {
      if (!this.here.has(leaf.cid.toString())) throw new Error(`${leaf.cid} is not here yet`)
      yield (await blockOf(leaf.cid)).subarray(leaf.from, leaf.to)
    }
  }

  fetch(options: { readonly signal?: AbortSignal; readonly timeoutMs?: number } = {}): LayerFetch {
    const { signal = new AbortController().signal, timeoutMs = 60_000 } = options
    return new LayerFetch(IMAGE, { blocks: this, traffic: this, seeker: NO_SEEKER, signal, timeoutMs })
  }
}

async function readAll(read: ReadLayer, layers = LAYERS): Promise<boolean[]> {
  const same: boolean[] = []
  for (const layer of layers) {
    const bytes = read(layer, { offset: 0, length: layer.size }, new AbortController().signal)
    same.push(digest(await collect(bytes, layer.size + 1, 'a layer')) === layer.digest)
  }
  return same
}

describe('layers that are fetched', () => {
  test('are read as they come, and never before', async () => {
    const node = new FarNode()
    let waits = 0
    node.before = async () => (waits++ % 100 === 0 ? Bun.sleep(1) : undefined)
    const fetch = node.fetch()
    expect(await readAll(fetch.follow(LAYERS, node.read).read)).toEqual([true, true, true])
    await fetch.arrived
    expect(node.asked).toEqual(['0', '1', '2'])
  })

  test('come however slowly they are read', async () => {
    const node = new FarNode()
    const fetch = node.fetch()
    fetch.follow(LAYERS, node.read)
    await fetch.arrived
    expect(node.asked).toEqual(['0', '1', '2'])
  })

  test('are asked for in the order in which they are read, the rest after them, each once', async () => {
    const node = new FarNode()
    const fetch = node.fetch()
    const some = LAYERS.slice(1)
    expect(await readAll(fetch.follow(some, node.read).read, some)).toEqual([true, true])
    let progress = 0
    await fetch.rest(new AbortController().signal, () => {
      progress += 1
    })
    expect(node.asked).toEqual(['1', '2', '0'])
    expect(progress).toBeGreaterThan(2200)
  })

  test('are read again, and not asked for again, by who sends all of them after some', async () => {
    const node = new FarNode()
    const fetch = node.fetch()
    const some = fetch.follow(LAYERS.slice(1), node.read)
    expect(await readAll(some.read, LAYERS.slice(1))).toEqual([true, true])
    some.close()
    const asked = node.asked.length
    const all = fetch.follow(LAYERS, node.read)
    expect(await readAll(all.read)).toEqual([true, true, true])
    expect(node.asked.slice(asked)).toEqual(['0'])
  })

  test('are asked for anew when nothing comes for too long', async () => {
    const node = new FarNode()
    let left = 1500
    node.before = async (signal) => {
      left -= 1
      if (left === 0) await never(signal)
    }
    const fetch = node.fetch({ timeoutMs: 600 })
    expect(await readAll(fetch.follow(LAYERS, node.read).read)).toEqual([true, true, true])
    expect(node.asked).toEqual(['0', '0', '1', '2'])
  })

  test('that stop coming are not found, and asked for anew before that', async () => {
    const node = new FarNode()
    node.givesOnly(1499)
    await expect(readAll(node.fetch({ timeoutMs: 300 }).follow(LAYERS, node.read).read)).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
    })
    expect(node.asked.length).toBeGreaterThan(1)
  })

  test('that came before are not told of again when they are asked for anew', async () => {
    const node = new FarNode()
    node.givesOnly(1499)
    let told = 0
    const rest = node.fetch({ timeoutMs: 300 }).rest(new AbortController().signal, () => {
      told += 1
    })
    await expect(rest).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
    expect(node.asked.length).toBeGreaterThan(1)
    // The first blocks of three layers, and the links.
    expect(told).toBe(3 + 1499)
  })

  test('of which the bytes that are here do not come are given up', async () => {
    const node = new FarNode()
    const own: ReadLayer = async function* (_, __, signal) {
      yield Buffer.from('a')
      await never(signal)
    }
    const arriving = node.fetch({ timeoutMs: 100 }).follow(LAYERS, own)
    await expect(readAll(arriving.read)).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
  })

  test('fail with what the node says', async () => {
    const node = new FarNode()
    node.before = async () => {
      throw new Error('the node is gone')
    }
    await expect(readAll(node.fetch().follow(LAYERS, node.read).read)).rejects.toThrow('the node is gone')
  })

  test('that are no file of the image are told', async () => {
    const node = new FarNode()
    const other = { ...(LAYERS[0] as (typeof LAYERS)[number]), digest: digest(Buffer.from('other')) }
    await expect(readAll(node.fetch().follow([other], node.read).read, [other])).rejects.toThrow('has no blobs/sha256/')
  })

  test('end with who reads them, and with the signal', async () => {
    const node = new FarNode()
    node.before = () => new Promise(() => undefined)
    const arriving = node.fetch().follow(LAYERS, node.read)
    await Bun.sleep(5)
    expect(node.open).toBe(1)
    arriving.close()
    await Bun.sleep(5)
    expect(node.open).toBe(0)

    const stop = new AbortController()
    const reading = readAll(node.fetch({ signal: stop.signal }).follow(LAYERS, node.read).read)
    await Bun.sleep(5)
    stop.abort(new Error('cancelled'))
    await expect(reading).rejects.toThrow('cancelled')
    expect(node.open).toBe(0)
  })
})

test('a file that somebody else wrote is read when all of it is there', async () => {
  const node = new FarNode()
  // Its links are not those of a file, as the walk sees at once.
  const foreign = new LayerFetch(
    { root: ROOT, layers: [FOREIGN] },
    {
      blocks: {
        block: async (cid) => (cid.equals(ROOT) ? rootOfForeign() : node.block(cid)),
        fetchBelow: (cid, signal) => node.fetchBelow(cid, signal),
      },
      traffic: node,
      seeker: NO_SEEKER,
      signal: new AbortController().signal,
      timeoutMs: 60_000,
    },
  )
  const read: string[] = []
  const own: ReadLayer = async function* (_, { offset, length }) {
    read.push(`${offset} ${length}`)
    yield Buffer.alloc(length)
  }
  const arriving = foreign.follow([FOREIGN], own)
  await collect(arriving.read(FOREIGN, { offset: 0, length: 10 }, new AbortController().signal), 10, 'a layer')
  expect(read).toEqual(['0 10'])
})

const FOREIGN = { digest: 'sha256:sha256', size: 10, tarSize: 0, diffId: '' }

/** blobs/sha256/sha256 is a directory, in the place of a file. */
function rootOfForeign(): Promise<Uint8Array> {
  return foreignRoot.then(({ cid }) => blockOf(parseCid(cid.toString())))
}
const foreignRoot = (async () => {
  const inner = await writeDirectory(new Map([['sha256', sha256]]), sink)
  return writeDirectory(new Map([['blobs', await writeDirectory(new Map([['sha256', inner]]), sink)]]), sink)
})()
