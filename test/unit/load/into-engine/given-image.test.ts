import { describe, expect, test } from 'bun:test'
import { document, ociManifest, plainManifest } from '../../../../src/image/canonical.ts'
import { GivenImage } from '../../../../src/load/into-engine/given-image.ts'
import type { ImageLayer } from '../../../../src/read/layers.ts'
import { type Bytes, collect, sha256 } from '../../../../src/streams.ts'

const never = new AbortController().signal
const OURS = { path: 'ours', namespace: undefined }
const CLIENT = { agent: 'docker', accepts: [] }

const tars = ['a', 'b'].map((text) => Buffer.from(text.repeat(3000)))
const blobs = await Promise.all(tars.map((tar) => Bun.zstdCompress(tar)))
const layers: ImageLayer[] = tars.map((tar, at) => {
  const blob = blobs[at] as Uint8Array
  return { digest: sha256(blob), size: blob.length, diffId: sha256(tar), tarSize: tar.length }
})
const config = document(Buffer.from('{"os":"linux"}'))
const whole = { offset: 0, length: 1e9 }

function give(options: { plain?: boolean; held?: ReadonlySet<string>; fails?: boolean } = {}) {
  const { plain = false, held = new Set<string>(), fails = false } = options
  const events: string[] = []
  let open = 0
  const image = new GivenImage({
    repository: 'ours',
    config,
    manifest: plain
      ? plainManifest(
          config,
          layers.map(({ diffId, tarSize }) => ({ digest: diffId, size: tarSize })),
        )
      : ociManifest(config, layers, 'test'),
    layers,
    plain,
    held,
    open: () => {
      open += 1
      const close = () => {
        open -= 1
      }
      return { blob: (layer) => (fails ? failing() : pieces(blobs[layers.indexOf(layer)] as Uint8Array)), close }
    },
    report: (event) => {
      if (event.type === 'layer-waits') events.push(`${event.layer} ${event.status}`)
    },
  })
  return { image, registry: image.registry, events, opened: () => open }
}

async function* pieces(bytes: Uint8Array): Bytes {
  for (let at = 0; at < bytes.length; at += 10) yield bytes.subarray(at, at + 10)
}

async function* failing(): Bytes {
  yield await Promise.reject(new Error('wrong bytes'))
}

describe('an image that is pulled', () => {
  test('has its manifest by tag and digest, its config, and layers in any order and several at once', async () => {
    const { image, registry, events, opened } = give()
    const manifest = await registry.manifest(OURS, 'latest', CLIENT, never)
    expect(await registry.manifest(OURS, manifest?.digest ?? '', CLIENT, never)).toEqual(manifest)
    expect(await registry.manifest(OURS, 'other', CLIENT, never)).toBeUndefined()
    const digests = [layers[1], layers[0]].map((layer) => layer?.digest ?? '').concat(config.digest)
    const got = await Promise.all(
      digests.map(async (digest) => {
        const blob = await registry.blob(OURS, digest, CLIENT, never)
        return sha256(await collect(blob?.read({ offset: 0, length: blob.size }, never) as Bytes, 1e6, digest))
      }),
    )
    expect(got).toEqual(digests)
    expect([...image.given].sort()).toEqual(layers.map(({ digest }) => digest).sort())
    expect(events.sort()).toEqual(layers.map(({ diffId }) => `${diffId} Sent`).sort())
    expect(opened()).toBe(0)
  })

  test('goes on where a connection broke', async () => {
    const { registry } = give()
    const [layer] = layers
    const blob = await registry.blob(OURS, layer?.digest ?? '', CLIENT, never)
    const rest = await collect(blob?.read({ offset: 15, length: (blob?.size ?? 0) - 15 }, never) as Bytes, 1e6, '')
    expect(Buffer.from(rest)).toEqual(Buffer.from((blobs[0] as Uint8Array).subarray(15)))
  })

  test('has plain layers by their diffIDs for an engine that reads no zstd', async () => {
    const { registry } = give({ plain: true })
    const manifest = await registry.manifest(OURS, 'latest', CLIENT, never)
    const { layers: named } = JSON.parse(Buffer.from(manifest?.bytes ?? []).toString()) as { layers: object[] }
    const mediaType = 'application/vnd.oci.image.layer.v1.tar'
    expect(named).toEqual(layers.map(({ diffId, tarSize }) => ({ mediaType, digest: diffId, size: tarSize })))
    const blob = await registry.blob(OURS, layers[0]?.diffId ?? '', CLIENT, never)
    expect(blob?.size).toBe(tars[0]?.length)
    expect(await collect(blob?.read(whole, never) as Bytes, 1e6, '')).toEqual(tars[0] as Buffer)
    expect(await registry.blob(OURS, layers[0]?.digest ?? '', CLIENT, never)).toBeUndefined()
  })
})

test('an engine that asks for what it should have need not go on', async () => {
  const [held, other] = layers.map(({ digest }) => digest)
  const { image, registry } = give({ held: new Set([held ?? '']) })
  expect(await registry.blob(OURS, other ?? '', CLIENT, never)).toBeDefined()
  expect(image.over.aborted).toBe(false)
  await expect(registry.blob(OURS, held ?? '', CLIENT, never)).rejects.toMatchObject({ code: 'ENGINE_FAILED' })
  expect(image.over.aborted).toBe(true)
})

test('what cannot be read ends the pull at once, and counts as not given', async () => {
  const { image, registry, opened } = give({ fails: true })
  const blob = await registry.blob(OURS, layers[0]?.digest ?? '', CLIENT, never)
  await expect(collect(blob?.read(whole, never) as Bytes, 1e6, '')).rejects.toThrow('wrong bytes')
  expect(image.over.reason).toMatchObject({ message: 'wrong bytes' })
  expect(image.given.size).toBe(0)
  expect(opened()).toBe(0)
})

test('a repository of another name is not there', async () => {
  const { registry } = give()
  const other = { path: 'other', namespace: undefined }
  expect(await registry.manifest(other, 'latest', CLIENT, never)).toBeUndefined()
  expect(await registry.blob(other, config.digest, CLIENT, never)).toBeUndefined()
  expect(registry.writer).toBeUndefined()
})
