import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { ENGINES, type Engine, isOld } from '../support/engine.ts'
import { GOLDEN, GOLDEN_ROOTS, imageOf, noise, type TestImage } from '../support/images.ts'
import type { Finished } from '../support/place.ts'
import { useReal } from '../support/real.ts'
import { type Relay, relay } from '../support/relay.ts'
import { run, script, stateOfNode } from '../support/scripts.ts'
import { tarOf } from '../support/tar.ts'

const LARGE = GOLDEN.large()
const root = GOLDEN_ROOTS.large
const DISK_ENGINES = [...new Set([ENGINES[0] ?? '', ENGINES.at(-1) ?? ''])]
const firstLine = (text: string) => text.split('\n')[0]

const real = useReal({ engines: ENGINES, nodes: ['node'] })
const node = () => real.node('node')

async function saveOn(engine: Engine, image: TestImage): Promise<string> {
  const saved = await engine.save(node(), await engine.give(image))
  await engine.clear()
  return saved
}

/** A layer that no store has: a containerd store has the blobs of an image for a while when that is gone, and need not read them again. */
const newLayer = () => Buffer.from(noise(1_000_000, crypto.randomUUID()).toString('hex'))

beforeAll(() => saveOn(real.engine(ENGINES[0] ?? ''), LARGE))
beforeEach(() => Promise.all(ENGINES.map((name) => real.engine(name).clear())))

describe.each(ENGINES)('%s and a node that dies', (name) => {
  const engine = () => real.engine(name)

  /** Runs a command while the node dies in the middle: after 2 MB to it, or 200 kB from it in one of several connections. */
  async function withDyingNode(from: 'caller' | 'called', args: readonly string[]): Promise<Finished & { at: Relay }> {
    const before = await real.traces()
    const at = await relay({ port: 0 }, { port: node().port }, { from, after: from === 'caller' ? 2_000_000 : 200_000 })
    const running = engine().startIpfs(at, args)
    await Promise.race([at.reached, running.finished])
    node().kill()
    at.cut()
    const result = await running.finished
    at.close()
    await node().restart()
    expect(await real.traces()).toEqual(before)
    return { ...result, at }
  }

  test('in mid-save: the error says so, and the same command works when it is back', async () => {
    const id = await engine().give(LARGE)
    await node().empty()
    const { at, ...died } = await withDyingNode('caller', ['save', '-q', '--no-cache', id])
    expect(died.ms).toBeLessThan(4000)
    expect(died).toMatchObject({ exitCode: 3, stdout: '' })
    expect(firstLine(died.stderr)).toBe(
      `ERROR: cannot reach the IPFS node at http://127.0.0.1:${at.api.split('/').at(-1)}`,
    )
    expect(await engine().save(node(), id)).toBe(root)
  })

  test('in mid-load: the error says so, and the same command works when it is back', async () => {
    const own = await saveOn(real.engine(ENGINES[0] ?? ''), imageOf([tarOf([{ path: 'data', body: newLayer() }])]))
    const { at, ...died } = await node().byApiAlone(() => withDyingNode('called', ['load', '-q', own]))
    expect(died.ms).toBeLessThan(4000)
    expect(died).toMatchObject({ exitCode: 3, stdout: '' })
    expect(firstLine(died.stderr)).toBe(
      `ERROR: cannot reach the IPFS node at http://127.0.0.1:${at.api.split('/').at(-1)}`,
    )
    expect(await engine().images()).toEqual([])
    expect(await engine().ipfs(node(), 'load', '-q', own)).toMatchObject({ exitCode: 0, stderr: '' })
  })
})

test('a node that dies while the engine stands still ends the save at once', async () => {
  const engine = real.engine(ENGINES[0] ?? '')
  const id = await engine.give(LARGE)
  await node().empty()
  const before = await real.traces()
  const stall = { from: 'called', after: 2_000_000 } as const
  const at = await relay({ path: join(real.place.folder, 'engine.sock') }, { path: engine.socket }, stall)
  const save = engine.behind(at).startIpfs(node(), ['save', '-q', '--no-cache', id])
  await at.reached
  node().kill()
  const died = await Promise.race([save.finished, Bun.sleep(4000)])
  at.close()
  await node().restart()
  expect(died).toMatchObject({ exitCode: 3, stdout: '' })
  expect(firstLine(died?.stderr ?? '')).toBe(`ERROR: cannot reach the IPFS node at http://127.0.0.1:${node().port}`)
  expect(await real.traces(1000)).toEqual(before)
  expect(await engine.save(node(), id)).toBe(root)
})

describe('a node that has one other byte', () => {
  /** Changes one byte of the block that has these bytes; gives a function that changes it back. */
  function corrupt(bytes: (block: Buffer) => number): () => void {
    const blocks = join(node().repo, 'blocks')
    for (const entry of readdirSync(blocks, { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name)
      if (!entry.isFile() || !file.endsWith('.data')) continue
      const good = readFileSync(file)
      const at = bytes(good)
      if (at < 0) continue
      const bad = Buffer.from(good)
      bad[at] = (bad[at] ?? 0) ^ 1
      writeFileSync(file, bad)
      return () => writeFileSync(file, good)
    }
    throw new Error('no such block')
  }

  const givesLarge = async () => {
    await node().empty()
    await saveOn(real.engine(ENGINES[0] ?? ''), LARGE)
  }

  /** Loads an image of which one byte is another. */
  async function fails(name: string, bytes: (block: Buffer) => number, image = root): Promise<string> {
    const repair = corrupt(bytes)
    const result = await real.leavingNothing(() => real.engine(name).ipfs(node(), 'load', '-q', image))
    repair()
    expect(result).toMatchObject({ exitCode: 5, stdout: '' })
    expect(await real.engine(name).images()).toEqual([])
    const line = firstLine(result.stderr)?.replace(/sha256:[0-9a-f]{64}/g, 'sha256:<hex>') ?? ''
    return line.replace(/bafkrei[a-z2-7]{52}/, '<cid>').replace(/\b\d+ bytes/g, '<n> bytes')
  }

  const OTHER_DIGEST = 'has digest sha256:<hex>, but should have sha256:<hex>'
  /** As bytes happen to arrive, it is taken for the end of the frames, or for a frame that is none, or is seen at the end. */
  const UNPACKED =
    /^ERROR: (the tar of layer sha256:<hex> has |layer sha256:<hex> (cannot be unpacked \(.+\)$|has digest sha256:<hex>, ))/
  const OTHER_LAYER = `ERROR: layer sha256:<hex> ${OTHER_DIGEST}`

  describe.each(ENGINES)('in a layer, loaded into %s,', (name) => {
    let image: string
    let body: Buffer
    // The node may have frames of others.
    const isFrame = (block: Buffer) =>
      block.length > 100_000 &&
      block.readUInt32LE(0) === 0xfd2fb528 &&
      body.includes(zstdDecompressSync(block).subarray(-100))

    beforeEach(async () => {
      body = newLayer()
      await node().empty()
      image = await saveOn(real.engine(ENGINES[0] ?? ''), imageOf([tarOf([{ path: 'data', body }])]))
    })
    afterAll(givesLarge)

    test('in the middle of a frame', async () => {
      expect(await fails(name, (block) => (isFrame(block) ? block.length >> 1 : -1), image)).toBe(OTHER_LAYER)
    })

    test('at the start of a frame', async () => {
      const line = await fails(name, (block) => (isFrame(block) ? 0 : -1), image)
      expect(line).toMatch(isOld(name) ? UNPACKED : new RegExp(`^${OTHER_LAYER}$`))
    })

    test('in the header of a frame', async () => {
      const line = await fails(name, (block) => (isFrame(block) ? 4 : -1), image)
      expect(line).toMatch(isOld(name) ? UNPACKED : new RegExp(`^${OTHER_LAYER}$`))
    })
  })

  test('in the image config', async () => {
    const line = await fails(ENGINES[0] ?? '', (block) => (block.equals(LARGE.config) ? 100 : -1))
    expect(line).toBe(`ERROR: the image config of ${root} ${OTHER_DIGEST}`)
  })

  test('in index.json', async () => {
    const index = '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index'
    const line = await fails(ENGINES[0] ?? '', (block) => (block.includes(index) ? 40 : -1))
    expect(line).toBe("ERROR: the node's block <cid> does not match its CID")
  })

  test('in the root', async () => {
    const line = await fails(ENGINES[0] ?? '', (block) => (block.includes('image.tar') ? 20 : -1))
    expect(line).toBe(`ERROR: the node's block ${root} does not match its CID`)
  })
})

describe('a node whose disk is full', () => {
  const folder = stateOfNode('full')

  beforeAll(async () => {
    mkdirSync(folder, { recursive: true })
    run('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', folder])
    await real.startNode('full')
  })
  afterAll(async () => {
    await script('node', 'stop', 'full')
    // Lazily: a process that has just ended may not have closed all its files yet.
    run('umount', ['--lazy', folder])
  })

  test.each(DISK_ENGINES)('says so to a save from %s', async (name) => {
    const engine = real.engine(name)
    const id = await engine.give(imageOf([tarOf([{ path: 'data', body: noise(32 * 1024 * 1024, 'full') }])]))
    const result = await real.leavingNothing(() => engine.ipfs(real.node('full'), 'save', '-q', id))
    expect(result).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr:
        'ERROR: the disk of the IPFS node is full\nFree space there ("docker ipfs prune" removes what nothing names) and try again; restart the node if it says so again.\n',
    })
    await real.node('full').empty()
    const tiny = await engine.give(GOLDEN.tiny())
    expect(await engine.save(real.node('full'), tiny)).toBe(GOLDEN_ROOTS.tiny)
  })

  test('does not seem to have lost its images, and has them when there is room again', async () => {
    const engine = real.engine(DISK_ENGINES[0] ?? '')
    const at = (...args: string[]) => engine.ipfs(real.node('full'), ...args)
    await engine.save(real.node('full'), await engine.give(GOLDEN.tiny()))
    const filler = join(folder, 'filler')
    try {
      writeFileSync(filler, Buffer.alloc(32 * 1024 * 1024))
    } catch {
      // As much as there was room for.
    }
    for (const args of [['tag', GOLDEN_ROOTS.tiny, 'tiny:1'], ['ls'], ['rm', GOLDEN_ROOTS.tiny]]) {
      expect(await at(...args)).toMatchObject({
        exitCode: 1,
        stdout: '',
        stderr: expect.stringMatching(/^ERROR: the disk of the IPFS node is full\n/),
      })
    }
    rmSync(filler)
    expect(await at('tag', GOLDEN_ROOTS.tiny, 'tiny:1')).toMatchObject({ exitCode: 0 })
    expect(await at('ls', '-q', '--no-trunc')).toMatchObject({ exitCode: 0, stdout: `${GOLDEN_ROOTS.tiny}\n` })
  })
})
