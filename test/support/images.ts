import { createCipheriv, createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { type Entry, tarOf } from './tar.ts'

/** An image as a test makes it: layer tars and the config over them. */
export interface TestImage {
  readonly layers: readonly Buffer[]
  readonly config: Buffer
  readonly diffIds: readonly string[]
}

export function digest(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** What the engine must say is in the image: `Engine.contents`. */
export function contentsOf({ config, diffIds }: TestImage) {
  return { config: digest(config), diffIds }
}

/** An image of these layers, runnable where one of them brings /bin/busybox. */
export function imageOf(layers: readonly Buffer[]): TestImage {
  const diffIds = layers.map(digest)
  const config = {
    architecture: 'amd64',
    config: { Cmd: ['/bin/busybox', 'true'] },
    created: '2026-01-01T00:00:00Z',
    history: layers.map((_, at) => ({ created: '2026-01-01T00:00:00Z', created_by: `layer ${at + 1}` })),
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: diffIds },
  }
  return { layers, config: Buffer.from(JSON.stringify(config)), diffIds }
}

/** Bytes that look random and are the same on every run. */
export function noise(size: number, seed: string): Buffer {
  const parts: Buffer[] = []
  for (let have = 0, at = 0; have < size; have += 32, at += 1) {
    parts.push(createHash('sha256').update(`${seed} ${at}`).digest())
  }
  return Buffer.concat(parts).subarray(0, size)
}

/** As `noise`, for many megabytes. */
export function bulk(size: number, seed: string): Buffer {
  const key = createHash('sha256').update(seed).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size))
}

/** The archive of `docker save` on engines before 25. */
export function archive20(image: TestImage): Buffer {
  const configName = `${digest(image.config).slice(7)}.json`
  const ids = image.layers.map((layer, at) => digest(Buffer.from(`${at} ${digest(layer)}`)).slice(7))
  const entries: Entry[] = [file(configName, image.config)]
  for (const [at, layer] of image.layers.entries()) {
    const first = image.layers.findIndex((other) => other.equals(layer))
    entries.push({ path: `${ids[at]}/`, type: '5' }, file(`${ids[at]}/VERSION`, Buffer.from('1.0')))
    entries.push(file(`${ids[at]}/json`, Buffer.from('{"id":"x"}')))
    if (first === at) entries.push(file(`${ids[at]}/layer.tar`, layer))
    else entries.push({ path: `${ids[at]}/layer.tar`, type: '2', linkTarget: `../${ids[first]}/layer.tar` })
  }
  const manifest = [{ Config: configName, RepoTags: null, Layers: ids.map((id) => `${id}/layer.tar`) }]
  return tarOf([...entries, file('manifest.json', json(manifest))])
}

/** The OCI layout of `docker save` since 25: plain layers from a classic store, gzip from a containerd store. */
export function archiveOci(image: TestImage, packing: 'plain' | 'gzip'): Buffer {
  return tarOf([...layoutOf(image, packing)].map(([path, body]) => ({ path, body })))
}

/** Its files, by path, in their order. */
export function layoutOf(image: TestImage, packing: 'plain' | 'gzip'): Map<string, Buffer> {
  const blobs = image.layers.map((layer) => (packing === 'gzip' ? gzipSync(layer) : layer))
  const path = (bytes: Uint8Array) => `blobs/sha256/${digest(bytes).slice(7)}`
  const descriptor = (mediaType: string, bytes: Uint8Array) => ({
    mediaType,
    digest: digest(bytes),
    size: bytes.length,
  })
  const suffix = packing === 'gzip' ? '+gzip' : ''
  const manifest = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor('application/vnd.oci.image.config.v1+json', image.config),
    layers: blobs.map((blob) => descriptor(`application/vnd.oci.image.layer.v1.tar${suffix}`, blob)),
  })
  const index = json({
    schemaVersion: 2,
    manifests: [descriptor('application/vnd.oci.image.manifest.v1+json', manifest)],
  })
  const docker = [{ Config: path(image.config), RepoTags: null, Layers: blobs.map(path) }]
  const unique = [...new Map([...blobs, image.config, manifest].map((blob): [string, Buffer] => [path(blob), blob]))]
  return new Map<string, Buffer>([
    ...unique.sort(([a], [b]) => (a < b ? -1 : 1)),
    ['index.json', index],
    ['manifest.json', json(docker)],
    ['oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')],
  ])
}

/** Three fixed images for golden CIDs: their bytes must never change. */
export const GOLDEN: Readonly<Record<'tiny' | 'strange' | 'large', () => TestImage>> = {
  /** One layer, one file. */
  tiny: () => imageOf([tarOf([file('hello.txt', Buffer.from('Hello, IPFS\n'))])]),
  /** Links, devices, whiteouts, pax attributes, a long name, an empty layer, the same layer twice, no tar at all. */
  strange: () => {
    const odd = tarOf([
      { path: 'dir/', type: '5', mode: 0o755 },
      file('dir/a', Buffer.from('a')),
      { path: 'dir/hard', type: '1', linkTarget: 'dir/a' },
      { path: 'dir/soft', type: '2', linkTarget: '/etc/\xfcmlaut' },
      { path: 'dir/null', type: '3' },
      { path: 'dir/fifo', type: '6' },
      { path: 'dir/.wh.gone', type: '0' },
      { path: 'dir/.wh..wh..opq', type: '0' },
      {
        path: 'short',
        body: Buffer.from('x'),
        pax: { path: `${'long/'.repeat(60)}name`, 'SCHILY.xattr.user.test': 'value', mtime: '1.5' },
      },
      { path: '././@LongLink', type: 'L', body: Buffer.from(`${'gnu/'.repeat(60)}name\0`) },
      file('gnu', Buffer.alloc(100_000, 3)),
    ])
    const empty = tarOf([])
    return imageOf([odd, empty, odd])
  },
  /** 5 MiB that do not compress, between small files: several pieces, several groups. */
  large: () => {
    const small = (from: string, count: number) =>
      Array.from({ length: count }, (_, at) => file(`${from}/${at}`, noise(900, `${from}${at}`)))
    return imageOf([
      tarOf([...small('usr/share', 600), file('usr/lib/big', noise(5 * 1024 * 1024, 'big')), ...small('usr/var', 100)]),
      tarOf([file('etc/app.conf', Buffer.from('version=1\n'))]),
    ])
  },
}

/** An image of one small file, another one for each name. */
export const small = (name: string) => imageOf([tarOf([file(name, Buffer.from(name))])])

/** Two layers that do not compress, each of several leaves. */
export const twoLayers = () =>
  imageOf([tarOf([file('data/base', noise(600_000, 'base'))]), tarOf([file('data/app', noise(400_000, 'app'))])])

/** The root CIDs of the golden images in format 1, frozen: a change here is a new format version. */
export const GOLDEN_ROOTS: Readonly<Record<keyof typeof GOLDEN, string>> = {
  tiny: 'bafybeibs5543z5ngjrqkdjthzbwh4zjk5ajxzrhwzqxejjpvx6ipdiwt7i',
  strange: 'bafybeifetgtbuwrjuwbiuoz7z7lkrzmr6ohh5oopbxtzjhdifgiqqpvxba',
  large: 'bafybeiei4xxns74qgjroziftc6dmrruk47ea3luubnsmeimduoiif5wz7y',
}

function file(path: string, body: Uint8Array): Entry {
  return { path, body }
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}
