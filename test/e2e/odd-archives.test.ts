import { describe, expect, test } from 'bun:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { ENGINES } from '../support/engine.ts'
import { contentsOf, GOLDEN, GOLDEN_ROOTS } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { run } from '../support/scripts.ts'
import { type Entry, tarOf } from '../support/tar.ts'

const real = useReal({ engines: ENGINES, nodes: ['node'] })
const path = (name: string) => `${real.place.folder}/${name}`

const image = GOLDEN.tiny()
const [layer = Buffer.alloc(0)] = image.layers
const ID = 'a'.repeat(64)
const NAMES = { Config: 'c.json', Layers: [`${ID}/layer.tar`] }

/** An archive of docker before 25, with something odd about it. */
function archiveOf(names: Partial<typeof NAMES>, files: readonly Entry[]): Buffer {
  const manifest = [{ ...NAMES, ...names, RepoTags: null }]
  const json = (name: string, body: Buffer): Entry => ({ path: name, body })
  return tarOf([json('c.json', image.config), ...files, json('manifest.json', Buffer.from(JSON.stringify(manifest)))])
}

const plain = { path: `${ID}/layer.tar`, body: layer }
const skippable = Buffer.concat([Buffer.from('502a4d1803000000', 'hex'), Buffer.from('abc')])
const tiny = archiveOf({}, [plain])

/** What `docker load` takes on classic stores, each of a kind that was reported. */
const ODD: Readonly<Record<string, Buffer>> = {
  'whose layer is gzip in a file called layer.tar': archiveOf({}, [{ ...plain, body: gzipSync(layer) }]),
  'whose layer is a hard link': archiveOf({}, [
    { path: 'l.tar', body: layer },
    { path: `${ID}/layer.tar`, type: '1', linkTarget: 'l.tar' },
  ]),
  'whose names begin with a slash': archiveOf({ Config: '/c.json', Layers: [`/${ID}/layer.tar`] }, [plain]),
  'that is zstd behind a skippable frame': Buffer.concat([skippable, zstdCompressSync(tiny)]),
}

describe.each(ENGINES)('%s', (name) => {
  test.each(Object.entries(ODD))('an archive %s is the image that docker load makes of it', async (_, archive) => {
    const engine = real.engine(name)
    await Bun.write(path('odd.tar'), archive)
    const saved = await engine.ipfs(real.node(), 'save', '-q', '--no-cache', '-i', path('odd.tar'))
    expect(saved).toMatchObject({ exitCode: 0, stdout: `${GOLDEN_ROOTS.tiny}\n`, stderr: '' })
    const loaded = await engine.ipfs(real.node(), 'load', '-q', '--tag', 'odd:1', GOLDEN_ROOTS.tiny)
    expect(loaded.exitCode).toBe(0)
    expect(await engine.contents('odd:1')).toEqual(contentsOf(image))
  })
})

test("archives of the machine's own tar, without a format or with holes, are read", async () => {
  await Bun.write(path('plain.tar'), archiveOf({}, [plain]))
  run('mkdir', ['-p', path('files')])
  run('tar', ['-xf', path('plain.tar'), '-C', path('files')])
  for (const form of [['--format=v7'], ['--format=gnu', '--sparse'], ['--format=posix', '--sparse']]) {
    run('tar', ['-cf', path('made.tar'), ...form, '-C', path('files'), '.'])
    const env = { DOCKER_IPFS_API: real.node().api }
    const saved = await real.place.run('docker', ['ipfs', 'save', '-q', '--no-cache', '-i', path('made.tar')], { env })
    expect(saved).toMatchObject({ exitCode: 0, stdout: `${GOLDEN_ROOTS.tiny}\n` })
  }
})
