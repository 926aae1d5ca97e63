import { beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { carHeader, carSection } from '../../src/dag/car.ts'
import { parseCid } from '../../src/dag/cid.ts'
import { writeImage } from '../../src/format/image-dag.ts'
import { type Layer, writeLayer } from '../../src/format/layer.ts'
import { ENGINES } from '../support/engine.ts'
import { bulk, digest, GOLDEN_ROOTS, imageOf, type TestImage } from '../support/images.ts'
import { forPlatform } from '../support/layouts.ts'
import { MemorySink } from '../support/memory-sink.ts'
import { useReal } from '../support/real.ts'
import { tarOf } from '../support/tar.ts'

/** Nothing here depends on the engine. */
const ENGINE = ENGINES[0] ?? ''
const real = useReal({ engines: [ENGINE], nodes: ['node'] })
const node = () => real.node()
const verify = (...args: string[]) => real.leavingNothing(() => real.engine(ENGINE).ipfs(node(), 'verify', ...args))

const image = imageOf([
  tarOf([{ path: 'usr/lib/base', body: bulk(900_000, 'verify base') }]),
  tarOf([{ path: 'app', body: bulk(300_000, 'verify app') }]),
])
const layer = (at: number) => `layer ${at} of 2 (${image.diffIds[at - 1]})`
let root: string

beforeAll(async () => {
  root = await real.engine(ENGINE).save(node(), await real.engine(ENGINE).give(image))
})

/** The path of the file of a block, by its CID. */
async function blockFile(cid: string): Promise<string> {
  const bytes = Buffer.from(await block(cid))
  for (const entry of readdirSync(join(node().repo, 'blocks'), { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name)
    if (entry.isFile() && file.endsWith('.data') && readFileSync(file).equals(bytes)) return file
  }
  throw new Error(`no file has block ${cid}`)
}

async function block(cid: string): Promise<ArrayBuffer> {
  const port = node().api.split('/').at(-1)
  const response = await fetch(`http://127.0.0.1:${port}/api/v0/block/get?arg=${cid}`, { method: 'POST' })
  return response.arrayBuffer()
}

interface Link {
  readonly Name: string
  readonly Hash: string
  readonly Size: number
}

async function links(path: string): Promise<Link[]> {
  const { Objects } = JSON.parse(await node().rpc(`ls?arg=${path}`)) as { Objects: { Links: Link[] }[] }
  return Objects[0]?.Links ?? []
}

/** The layer blobs, the largest first. */
const blobs = async () => (await links(`${root}/blobs/sha256`)).sort((a, b) => b.Size - a.Size)

/** Another root: the image with something else in its directory. */
async function changed(...commands: string[]): Promise<string> {
  await node().rpc(`files/cp?arg=/ipfs/${root}&arg=/changed`)
  for (const command of commands) await node().rpc(command)
  const { Hash } = JSON.parse(await node().rpc('files/stat?arg=/changed')) as { Hash: string }
  await node().rpc('files/rm?arg=/changed&recursive=true')
  return Hash
}

test('an image that is right is told so, with its layers', async () => {
  const run = await verify('--progress', 'plain', root)
  expect(run).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/^bafybei\w+: 2 layers of 1\.2\d*MB, all right\n$/),
  })
  expect(await verify('-q', root)).toMatchObject({ exitCode: 0, stdout: '', stderr: '' })
})

describe('a fault is found:', () => {
  test('a flipped byte in a leaf of one layer, while the other is right', async () => {
    const [first] = await blobs()
    const leaf = (await links(first?.Hash ?? ''))[1]?.Hash ?? ''
    const file = await blockFile(leaf)
    const good = readFileSync(file)
    const bad = Buffer.from(good)
    bad[bad.length >> 1] = (bad[bad.length >> 1] ?? 0) ^ 1
    writeFileSync(file, bad)
    try {
      const run = await verify(root)
      expect(run.exitCode).toBe(5)
      // The file of 900,000 bytes is in chunks of its own, behind the header and the first 16 bytes.
      expect(run.stdout).toMatch(
        new RegExp(
          `^${escaped(layer(1))}: the block ${leaf} does not match its CID: bytes \\d+ to \\d+ of the blob, from byte 528 of the tar, in usr/lib/base\n$`,
        ),
      )
      expect(run.stderr).toContain(`ERROR: ${root} has 1 fault\n`)
    } finally {
      writeFileSync(file, good)
    }
    expect(await verify('-q', root)).toMatchObject({ exitCode: 0 })
  })

  test('a missing block, at the time limit', async () => {
    const [, second] = await blobs()
    const leaf = (await links(second?.Hash ?? ''))[0]?.Hash ?? second?.Hash ?? ''
    const file = await blockFile(leaf)
    const good = readFileSync(file)
    unlinkSync(file)
    try {
      const run = await verify('-q', '--timeout', '2s', root)
      expect(run).toMatchObject({
        exitCode: 5,
        stdout: expect.stringContaining(`${layer(2)}: the block ${leaf} is not on the node: bytes 0 to `),
      })
    } finally {
      writeFileSync(file, good)
      // It remembers what it has not.
      await node().stop()
      await node().restart()
    }
  })

  test('a missing layer blob', async () => {
    const [first] = await blobs()
    const run = await verify('-q', await changed(`files/rm?arg=/changed/blobs/sha256/${first?.Name}`))
    expect(run.exitCode).toBe(5)
    expect(run.stdout).toBe(`${layer(1)}: its blob is missing: blobs/sha256/${first?.Name}\n`)
  })

  test('another blob in the place of one', async () => {
    const [first, second] = await blobs()
    const path = `/changed/blobs/sha256/${first?.Name}`
    const run = await verify(
      '-q',
      await changed(`files/rm?arg=${path}`, `files/cp?arg=/ipfs/${second?.Hash}&arg=${path}`),
    )
    expect(run).toMatchObject({ exitCode: 5, stdout: expect.stringContaining(`${layer(1)}: `) })
  })

  test.each([
    [
      'an extra blob',
      (leaf: string) => [`files/cp?arg=/ipfs/${leaf}&arg=/changed/blobs/sha256/${'0'.repeat(64)}`],
      /^blobs\/sha256\/0{64} does not belong to the image\n$/,
    ],
    [
      'an extra file',
      (leaf: string) => [`files/cp?arg=/ipfs/${leaf}&arg=/changed/notes`],
      /^notes does not belong to the image\n$/,
    ],
    ['a missing file', () => ['files/rm?arg=/changed/manifest.json'], /^manifest\.json is missing\n$/],
    [
      'another image.tar',
      (leaf: string) => ['files/rm?arg=/changed/image.tar', `files/cp?arg=/ipfs/${leaf}&arg=/changed/image.tar`],
      /^image\.tar is baf\w+, but should be baf\w+\n$/,
    ],
  ])('%s', async (_, commands, words) => {
    const [first] = await blobs()
    const run = await verify('-q', await changed(...commands(first?.Hash ?? '')))
    expect(run).toMatchObject({ exitCode: 5, stdout: expect.stringMatching(words) })
  })

  const WRONG = digest(Buffer.from('something else'))
  test.each([
    ['a wrong digest', { blobDigest: WRONG }, /^has digest sha256:\w+, but should have sha256:\w+$/],
    ['a wrong diffID', { diffId: WRONG }, /^the diffID is sha256:\w+, but should be sha256:\w+$/],
    ['a wrong size of the tar', { tarSize: 1 }, /^the size of the tar is \d+, but should be 1$/],
    ['a size of the blob that is too small', { size: 10 }, /^has more than the 10 bytes it should have$/],
    ['a size of the blob that is too large', { size: 10_000_000 }, /^has \d+ bytes, but should have 10000000$/],
  ] as const)('%s', async (_, lie, words) => {
    const { root: lying, diffIds } = await imported(image, lie)
    const run = await verify('-q', lying)
    expect(run.exitCode).toBe(5)
    const lines = run.stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(1)
    const [name = '', fault = ''] = lines[0]?.split('): ') ?? []
    expect(`${name})`).toBe(`layer 2 of 2 (${diffIds[1]})`)
    expect(fault.replace(/^layer sha256:\w+ /, '')).toMatch(words)
  })

  test('in one platform of several, with its name; --platform looks at one alone', async () => {
    const sink = new MemorySink()
    const arm = forPlatform(image, 'arm64', '')
    const platforms = []
    for (const one of [image, arm]) platforms.push(await platformOf(one, sink, one === arm ? { diffId: WRONG } : {}))
    const dag = await writeImage(platforms, sink)
    await importBlocks(sink)
    const whole = await verify('-q', dag.root.cid.toString())
    expect(whole.exitCode).toBe(5)
    expect(whole.stdout).toStartWith(`linux/arm64, layer 2 of 2 (${WRONG}): the diffID is `)
    expect(whole.stdout.trimEnd().split('\n')).toHaveLength(1)
    expect(await verify('-q', '--platform', 'linux/amd64', dag.root.cid.toString())).toMatchObject({ exitCode: 0 })
  })
})

test('all platforms of an image that is right', async () => {
  const sink = new MemorySink()
  const platforms = []
  for (const one of [image, forPlatform(image, 'arm64', '')]) platforms.push(await platformOf(one, sink, {}))
  const { root: multi } = await writeImage(platforms, sink)
  await importBlocks(sink)
  expect((await verify(multi.cid.toString())).stdout).toMatch(/: 2 platforms, 2 layers of 1\.2\d*MB, all right\n$/)
})

interface Lie {
  readonly blobDigest?: string
  readonly diffId?: string
  readonly tarSize?: number
  readonly size?: number
}

/** An image on the node whose documents say something wrong of its second layer. */
async function imported(
  of: TestImage,
  lie: Lie,
): Promise<{ readonly root: string; readonly diffIds: readonly string[] }> {
  const sink = new MemorySink()
  const platform = await platformOf(of, sink, lie)
  const dag = await writeImage([platform], sink)
  await importBlocks(sink)
  const { rootfs } = JSON.parse(Buffer.from(platform.configBytes).toString()) as { rootfs: { diff_ids: string[] } }
  return { root: dag.root.cid.toString(), diffIds: rootfs.diff_ids }
}

async function platformOf({ config, layers }: TestImage, sink: MemorySink, { size, ...lie }: Lie) {
  const written: Layer[] = []
  for (const tar of layers) written.push(await writeLayer(once(tar), sink))
  const [first, second] = written as [Layer, Layer]
  const blob = size === undefined ? second.blob : { ...second.blob, fileSize: size }
  const text = config.toString()
  const configBytes = Buffer.from(lie.diffId === undefined ? text : text.replace(second.diffId, lie.diffId))
  return { configBytes, layers: [first, { ...second, ...lie, blob }] }
}

async function importBlocks(sink: MemorySink): Promise<void> {
  const parts = [carHeader([])]
  for (const [cid, bytes] of sink.blocks) parts.push(...carSection({ cid: parseCid(cid), bytes }))
  const body = new FormData()
  body.append('file', new Blob([Buffer.concat(parts)]))
  await node().rpc('dag/import?pin-roots=false', body)
}

async function* once(bytes: Uint8Array) {
  yield bytes
}

function escaped(text: string): string {
  return text.replace(/[()]/g, '\\$&')
}

test.each([
  [[GOLDEN_ROOTS.tiny, '--timeout', '1s'], 4, `ERROR: no node gave ${GOLDEN_ROOTS.tiny} within 1 s`],
  [['nonsense'], 4, 'ERROR: no image of the name "nonsense"'],
  [[], 1, "docker: 'docker ipfs verify' requires 1 argument"],
] as const)('%j is refused', async (args, exitCode, words) => {
  const run = await verify(...args)
  expect(run).toMatchObject({ exitCode, stdout: '' })
  expect(run.stderr).toContain(words)
})
