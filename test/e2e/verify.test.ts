import { beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bulk, GOLDEN_ROOTS, imageOf } from '../support/images.ts'
import { ENGINES, useReal } from '../support/real.ts'
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
    const leaf = (await links(first?.Hash ?? ''))[0]?.Hash ?? first?.Hash ?? ''
    const file = await blockFile(leaf)
    const good = readFileSync(file)
    const bad = Buffer.from(good)
    bad[bad.length >> 1] = (bad[bad.length >> 1] ?? 0) ^ 1
    writeFileSync(file, bad)
    try {
      const run = await verify(root)
      expect(run.exitCode).toBe(5)
      expect(run.stdout).toStartWith(`${layer(1)}: `)
      expect(run.stdout.trimEnd().split('\n')).toHaveLength(1)
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
      expect(run).toMatchObject({ exitCode: 5, stdout: `${layer(2)}: no node gave ${root} within 2 s\n` })
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
    expect(run.stdout).toStartWith(`${layer(1)}: `)
    expect(run.stdout.trimEnd().split('\n')).toHaveLength(1)
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
    ['an extra blob', (leaf: string) => [`files/cp?arg=/ipfs/${leaf}&arg=/changed/blobs/sha256/${'0'.repeat(64)}`]],
    ['an extra file', (leaf: string) => [`files/cp?arg=/ipfs/${leaf}&arg=/changed/notes`]],
    [
      'another image.tar',
      (leaf: string) => ['files/rm?arg=/changed/image.tar', `files/cp?arg=/ipfs/${leaf}&arg=/changed/image.tar`],
    ],
    [
      'another manifest.json',
      (leaf: string) => [
        'files/rm?arg=/changed/manifest.json',
        `files/cp?arg=/ipfs/${leaf}&arg=/changed/manifest.json`,
      ],
    ],
  ])('%s', async (_, commands) => {
    const [first] = await blobs()
    const run = await verify('-q', await changed(...commands(first?.Hash ?? '')))
    expect(run).toMatchObject({
      exitCode: 5,
      stdout: `documents, directories or image.tar are not those of its layers: these give ${root}\n`,
    })
  })
})

test.each([
  [[GOLDEN_ROOTS.tiny, '--timeout', '1s'], 4, `ERROR: no node gave ${GOLDEN_ROOTS.tiny} within 1 s`],
  [['nonsense'], 4, 'ERROR: no image of the name "nonsense"'],
  [[], 1, "docker: 'docker ipfs verify' requires 1 argument"],
] as const)('%j is refused', async (args, exitCode, words) => {
  const run = await verify(...args)
  expect(run).toMatchObject({ exitCode, stdout: '' })
  expect(run.stderr).toContain(words)
})
