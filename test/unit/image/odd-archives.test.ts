import { afterAll, describe, expect, test } from 'bun:test'
import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { readArchive } from '../../../src/image/archive.ts'
import { MAX_DOCUMENT } from '../../../src/image/documents.ts'
import { openInput } from '../../../src/image/input.ts'
import { collect } from '../../../src/streams.ts'
import { archive20, archiveOci, digest, GOLDEN, noise, type TestImage } from '../../support/images.ts'
import { Layout } from '../../support/layouts.ts'
import { archiveOf, FIRST, image, json, type Odd, once, piped, readInput, SECOND, WHOLE } from '../../support/odd.ts'
import { type Entry, tarOf } from '../../support/tar.ts'

/** Archives that `docker load` takes, and other writers than docker make. Each is of a kind that was reported. */

const signal = new AbortController().signal
const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-odd-'))
afterAll(() => rmSync(folder, { recursive: true }))

const through = (program: string, bytes: Buffer) => Buffer.from(Bun.spawnSync([program, '-c'], { stdin: bytes }).stdout)

describe('an archive is read', () => {
  test.each<[string, Odd]>([
    ['whose names begin with a slash', { config: '/c.json', layers: [`/${FIRST}`, `./${SECOND}`] }],
    ['whose names go up and down', { config: 'x/../c.json', layers: [FIRST, `./x/.././${SECOND}`] }],
    ['whose layer.tar is gzip', { pack: (layer) => gzipSync(layer) }],
    ['whose layer.tar is zstd', { pack: (layer) => zstdCompressSync(layer) }],
    [
      'whose layer is a hard link',
      { layers: [FIRST, 'd/l.tar'], more: [{ path: 'd/l.tar', type: '1', linkTarget: SECOND }] },
    ],
    [
      'whose layer is a link to a link',
      {
        layers: ['l1', SECOND],
        more: [
          { path: 'l1', type: '2', linkTarget: './l2' },
          { path: 'l2', type: '2', linkTarget: FIRST },
        ],
      },
    ],
    [
      'whose layer is in a folder that is a link',
      {
        layers: ['x/y/layer.tar', SECOND],
        more: [{ path: 'x/y', type: '2', linkTarget: `../${dirname(FIRST)}` }],
      },
    ],
    [
      'whose manifest has keys in lower case',
      {
        manifest: (entry) =>
          json([Object.fromEntries(Object.entries(entry).map(([key, value]) => [key.toLowerCase(), value]))]),
      },
    ],
    [
      'whose manifest is followed by something else',
      { manifest: (entry) => Buffer.concat([json([entry]), Buffer.from('\n]} trailing {"')]) },
    ],
    [
      'whose layer.tar is gzip with something behind it',
      { pack: (layer) => Buffer.concat([gzipSync(layer), noise(99, 'x')]) },
    ],
    ['whose layer.tar is bzip2', { pack: (layer) => through('bzip2', layer) }],
    ['whose layer.tar is xz', { pack: (layer) => through('xz', layer) }],
    [
      'with a link in place of which a file comes later',
      {
        layers: ['x/layer.tar', SECOND],
        more: [
          { path: 'x/layer.tar', type: '2', linkTarget: `../${SECOND}` },
          { path: 'x/layer.tar', body: image.layers[0] ?? Buffer.alloc(0) },
        ],
      },
    ],
    [
      'with a file in place of which a link comes later',
      {
        layers: [FIRST, 'x/layer.tar'],
        more: [
          { path: 'x/layer.tar', body: noise(700, 'replaced') },
          { path: 'x/layer.tar', type: '1', linkTarget: SECOND },
        ],
      },
    ],
    ['beside an index that is empty', { more: [{ path: 'index.json', body: json({ manifests: [] }) }] }],
    ['beside an index that is null', { more: [{ path: 'index.json', body: json({ manifests: null }) }] }],
  ])('%s', async (_, odd) => {
    expect(await piped(archiveOf(odd))).toEqual(WHOLE)
  })

  test('that is packed, with something behind its end', async () => {
    const archive = archiveOf({})
    const skippable = Buffer.concat([Buffer.from('502a4d1803000000', 'hex'), Buffer.from('abc')])
    expect(await piped(Buffer.concat([gzipSync(archive), Buffer.alloc(700)]))).toEqual(WHOLE)
    expect(await piped(Buffer.concat([gzipSync(archive), noise(3000, 'behind')]))).toEqual(WHOLE)
    expect(await piped(gzipSync(archive).fill(1, gzipSync(archive).length - 8))).toEqual(WHOLE)
    expect(await piped(Buffer.concat([skippable, zstdCompressSync(archive)]))).toEqual(WHOLE)
    expect(await piped(Buffer.concat([archive, noise(3000, 'behind')]))).toEqual(WHOLE)
  })

  test('whose blobs are hard links', async () => {
    const blobs = new Layout()
    const manifest = blobs.image(image)
    const entries = [...blobs.blobs].flatMap(([path, body], at): Entry[] => [
      { path: `files/${at}`, body },
      { path, type: '1', linkTarget: `files/${at}` },
    ])
    const tar = tarOf([
      ...entries,
      { path: 'index.json', body: json({ schemaVersion: 2, manifests: [manifest] }) },
      { path: 'oci-layout', body: json({ imageLayoutVersion: '1.0.0' }) },
    ])
    expect(await piped(tar)).toEqual(WHOLE)
  })

  test('whose index has an entry of another hash beside a good one', async () => {
    const layout = new Layout()
    const other = { mediaType: 'x', digest: `sha512:${'a'.repeat(128)}`, size: 3 }
    expect(await piped(layout.tar([layout.image(image), other]))).toEqual(WHOLE)
    await expect(piped(layout.tar([other]))).rejects.toMatchObject({
      message: expect.stringContaining('its digests are no sha256 digests'),
    })
  })
})

describe('an archive is read with a warning', () => {
  test('where a config is called by the digest of another', async () => {
    const name = `${'c'.repeat(64)}.json`
    const odd = { config: name, more: [{ path: name, type: '1', linkTarget: 'c.json' }] }
    expect(await piped(archiveOf(odd))).toEqual({
      ...WHOLE,
      warnings: [
        `the image config has digest ${digest(image.config)}, but is named ${'c'.repeat(64)}; it is taken as it is, as docker does`,
      ],
    })
  })

  test('where index.json names fewer images than manifest.json', async () => {
    const layout = new Layout()
    const tiny = GOLDEN.tiny()
    const entry = layout.image(image)
    const [config, layers] = [layout.blob('x', tiny.config), tiny.layers.map((layer) => layout.blob('x', layer))]
    const path = ({ digest: of }: { readonly digest: string }) => `blobs/sha256/${of.slice(7)}`
    const docker = [{ Config: path(config), RepoTags: ['other:1'], Layers: layers.map(path) }]
    expect(await piped(layout.tar([entry], docker))).toEqual({
      ...WHOLE,
      warnings: ['left out, since index.json does not name it, but only manifest.json: other:1'],
    })
  })
})

describe('a config', () => {
  const withLabel = (size: number): TestImage => {
    const config = { ...(JSON.parse(String(image.config)) as object), label: 'x'.repeat(size) }
    return { ...image, config: json(config) }
  }

  test.each([
    ['before 25', archive20],
    ['since 25', (of: TestImage) => archiveOci(of, 'plain')],
  ])('of 32 MiB is read, in the form %s', async (_, form) => {
    const large = withLabel(MAX_DOCUMENT - image.config.length - 20)
    expect(await piped(form(large))).toEqual(WHOLE)
  })

  test('that is larger is told with the limit', async () => {
    const archive = archive20(withLabel(MAX_DOCUMENT))
    await expect(piped(archive)).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
      message: expect.stringMatching(
        /\.json of the image archive has 33\.55\d+MB, and documents of at most 33\.55\d*MB are read$/,
      ),
    })
  })
})

describe('a layout in a folder', () => {
  /** The folder of a layout, in which all blobs have been moved to another place and are linked from there. */
  async function layout(name: string, place: string): Promise<string> {
    const top = join(folder, name)
    for await (const { path, body } of readArchive(once(archiveOci(image, 'gzip')))) {
      mkdirSync(dirname(join(top, path)), { recursive: true })
      writeFileSync(join(top, path), await collect(body, 1e9, path))
      if (!path.startsWith('blobs/')) continue
      const target = join(top, place, path.slice(-8))
      mkdirSync(dirname(target), { recursive: true })
      renameSync(join(top, path), target)
      symlinkSync(target, join(top, path))
    }
    return top
  }

  test('whose blobs are links inside of it is read', async () => {
    expect(await readInput(await openInput(await layout('inside', 'files'), signal))).toEqual(WHOLE)
  })

  test('whose index is a link inside of it is read', async () => {
    const top = await layout('index', 'files')
    copyFileSync(join(top, 'index.json'), join(top, 'real.json'))
    rmSync(join(top, 'index.json'))
    symlinkSync('real.json', join(top, 'index.json'))
    expect(await readInput(await openInput(top, signal))).toEqual(WHOLE)
  })

  test('whose links lead out of it is refused, and the reason told', async () => {
    const top = await layout('outside', '../cache')
    await expect(readInput(await openInput(top, signal))).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
      message: expect.stringMatching(
        /^blobs\/sha256\/\w+ of .*outside is a link to .*cache\/\w+, which is not in that folder$/,
      ),
    })
  })
})
