import { afterEach, describe, expect, test } from 'bun:test'
import { ENGINES } from '../support/engine.ts'
import { archiveOci, GOLDEN, GOLDEN_ROOTS, imageOf, noise } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { tarOf } from '../support/tar.ts'

/** Nothing here depends on the engine, nor does anything use it. */
const ENGINE = ENGINES[0] ?? ''
const real = useReal({ engines: [ENGINE], nodes: ['node'] })
const node = () => real.node()
const ipfs = (command: string, ...args: string[]) => real.engine(ENGINE).ipfs(node(), command, ...args)
afterEach(() => node().empty())

async function works(command: string, ...args: string[]): Promise<string[]> {
  const run = await ipfs(command, ...args)
  expect(run).toMatchObject({ exitCode: 0 })
  return run.stdout.trimEnd().split('\n')
}

/** Settings of the node's `Import` for what it makes itself: its folders of MFS. */
async function restartWith(settings: Readonly<Record<string, unknown>>): Promise<void> {
  await node().stop()
  await node().configure((config) => {
    config['Import'] = { ...settings }
  })
  await node().restart()
}

async function save(image: ReturnType<typeof imageOf>, name: string): Promise<string> {
  const file = `${real.place.folder}/image.tar`
  await Bun.write(file, archiveOci(image, 'plain'))
  const [root = ''] = await works('save', '-q', '-i', file)
  await works('tag', root, name)
  return root
}

const other = imageOf([tarOf([{ path: 'other', body: noise(300_000, 'other hash') }])])

describe('a node whose own folders are made with', () => {
  test.each([
    [{ HashFunction: 'blake3', CidVersion: 1 }],
    [{ HashFunction: 'sha2-512' }],
    [{ HashFunction: 'sha3-256', UnixFSRawLeaves: false }],
    [{ HashFunction: 'blake2b-256', UnixFSHAMTDirectorySizeThreshold: '1B' }],
    [{ CidVersion: 0, UnixFSDirectoryMaxLinks: 8, UnixFSHAMTDirectoryMaxFanout: 8, UnixFSChunker: 'size-64' }],
  ])('%j keeps, counts and removes images, and these have their CIDs', async (settings) => {
    await restartWith(settings)
    const root = await save(GOLDEN.tiny(), 'tiny:1')
    expect(root).toBe(GOLDEN_ROOTS.tiny)
    const second = await save(other, 'other:1')
    expect(await works('ls', '--format', '{{.Name}}:{{.Tag}}')).toEqual(['other:1', 'tiny:1'])
    const types = await works('du', '--format', '{{.Type}} {{.Bytes}}')
    expect(types.filter((line) => !line.startsWith('layer'))).toEqual([
      expect.stringMatching(/^image \d{6}$/),
      expect.stringMatching(/^image \d{4}$/),
      expect.stringMatching(/^catalogue \d{4,6}$/),
      expect.stringMatching(/^total \d{6}$/),
      expect.stringMatching(/^repository \d{6,}$/),
    ])
    const rm = await ipfs('rm', 'other:1')
    expect(rm).toMatchObject({ exitCode: 0, stdout: `Untagged: other:1\nDeleted: ${second}\n` })
    // What the catalogue still links to is not counted: the other image.
    expect(rm.stderr).toMatch(/^The node's next garbage collection frees 30\d(?:\.\d+)?kB: docker ipfs prune\n$/)
    await node().rpc('repo/gc')
    expect(await works('verify', 'tiny:1')).toHaveLength(1)
    expect(await works('rm', 'tiny:1')).toEqual(['Untagged: tiny:1', `Deleted: ${root}`])
    expect(await node().pins()).toEqual([])
  })
})

test('an image goes whose record was edited, and what is pinned with another hash does not stop it', async () => {
  await restartWith({ HashFunction: 'blake3', CidVersion: 1 })
  const root = await save(other, 'other:1')
  await node().rpc('files/mkdir?arg=/mine&parents=true')
  const { Hash } = JSON.parse(await node().rpc('files/stat?arg=/mine&hash=true')) as { Hash: string }
  await node().rpc(`pin/add?arg=${Hash}`)
  const body = new FormData()
  body.set('file', 'edited by hand')
  await node().rpc(`files/write?arg=/docker-ipfs/records/${root}.json&truncate=true`, body)
  expect(await works('rm', 'other:1')).toEqual(['Untagged: other:1', `Deleted: ${root}`])
  expect(await node().pins()).toEqual([Hash])
  for (const folder of ['records', 'layers', 'ids']) {
    const { Entries } = JSON.parse(await node().rpc(`files/ls?arg=/docker-ipfs/${folder}`)) as { Entries: unknown }
    expect([folder, Entries]).toEqual([folder, null])
  }
})
