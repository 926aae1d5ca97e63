import { describe, expect, test } from 'bun:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { DockerIpfsError } from '../../../src/errors.ts'
import { pipedInput } from '../../../src/image/input.ts'
import { readSavedImages } from '../../../src/image/saved/saved-image.ts'
import { collect } from '../../../src/streams.ts'
import { archive20, archiveOci, digest, GOLDEN } from '../../support/images.ts'
import { ATTESTATION, forPlatform, Layout } from '../../support/layouts.ts'

/** More runs where somebody has the time: PROPERTY_RUNS=10000. */
const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 150)
const SLOWEST_MS = 5000

const image = GOLDEN.tiny()
const signal = new AbortController().signal

function multi(change: (value: unknown) => unknown = (value) => value): Buffer {
  const layout = new Layout()
  const platform = (architecture: string) => ({ platform: { os: 'linux', architecture } })
  const index = layout.index([
    layout.image(image, platform('amd64')),
    layout.image(forPlatform(image, 'arm64'), platform('arm64')),
    layout.image(GOLDEN.strange(), ATTESTATION),
  ])
  return layout.tar(change([index]) as object[], change([{ Config: 'x', RepoTags: ['a:1'], Layers: ['y'] }]))
}

const ARCHIVES: Readonly<Record<string, Buffer>> = {
  'engines before 25': archive20(image),
  'a classic store': archiveOci(image, 'plain'),
  'a containerd store': archiveOci(image, 'gzip'),
  gzip: gzipSync(archiveOci(image, 'plain')),
  zstd: zstdCompressSync(archive20(image)),
}

/** What comes of it: an error of ours in good time, or images whose every layer is what their configs say. */
async function check(archive: Buffer): Promise<DockerIpfsError | undefined> {
  const began = performance.now()
  async function* bytes() {
    for (let at = 0; at < archive.length; at += 1000) yield archive.subarray(at, at + 1000)
  }
  try {
    const images = await readSavedImages(pipedInput(bytes(), signal).entries(), {
      diffIds: new Set(),
      onLayer: async (tar) => ({ diffId: digest(await collect(tar, 1 << 26, 'a layer')) }),
    })
    for (const { config, layers } of images.flatMap(({ platforms }) => platforms)) {
      expect(layers.map(({ diffId }) => diffId)).toEqual([...config.diffIds])
    }
    return undefined
  } catch (error) {
    expect(error).toBeInstanceOf(DockerIpfsError)
    return error as DockerIpfsError
  } finally {
    expect(performance.now() - began).toBeLessThan(SLOWEST_MS)
  }
}

describe.each(Object.entries(ARCHIVES))('an archive of %s', (_, archive) => {
  test('with bytes changed, taken out or put in is an error, or the right image', async () => {
    const edit = fc.record({
      at: fc.nat(archive.length - 1),
      take: fc.nat(600),
      put: fc.uint8Array({ maxLength: 600 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
        let bad = archive
        for (const { at, take, put } of edits) {
          bad = Buffer.concat([bad.subarray(0, at), put, bad.subarray(at + take)])
        }
        await check(bad)
      }),
      { numRuns: RUNS },
    )
  }, 3_600_000)
})

/** One that is packed has no headers that could be changed. */
const PLAIN = Object.entries(ARCHIVES).filter(([, archive]) => archive.toString('latin1', 257, 262) === 'ustar')

describe.each(PLAIN)('an archive of %s', (_, archive) => {
  test('whose tar headers lie about sizes is an error, or the right image', async () => {
    const headers = Array.from({ length: archive.length / 512 }, (_, at) => at * 512).filter((at) =>
      archive.subarray(at + 257, at + 262).equals(Buffer.from('ustar')),
    )
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...headers), fc.oneof(fc.nat(5000), fc.nat(2 ** 33 - 1)), async (at, size) => {
        const bad = Buffer.from(archive)
        bad.write(size.toString(8).padStart(11, '0'), at + 124)
        bad.fill(' ', at + 148, at + 156)
        const sum = bad.subarray(at, at + 512).reduce((total, byte) => total + byte, 0)
        bad.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148)
        await check(bad)
      }),
      { numRuns: RUNS },
    )
  }, 3_600_000)
})

test('documents with anything in them are an error, or the right image', async () => {
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom(null, -1, 1e300, '', 'sha256:', `sha256:${'0'.repeat(64)}`, '../../etc/passwd', [], {}),
  )
  await fc.assert(
    fc.asyncProperty(fc.nat(), value, fc.boolean(), async (seed, other, all) => {
      let left = seed % 12
      const change = (json: unknown): unknown => {
        left -= 1
        if (left === 0 || (all && left < 0)) return other
        if (Array.isArray(json)) return json.map(change)
        if (typeof json !== 'object' || json === null) return json
        return Object.fromEntries(Object.entries(json).map(([key, inner]) => [key, change(inner)]))
      }
      await check(multi(change))
    }),
    { numRuns: RUNS },
  )
}, 3_600_000)

test('an index that names a thousand manifests a thousand times over ends in good time', async () => {
  const layout = new Layout()
  const one = layout.image(image)
  let entries: object[] = [one]
  for (let depth = 0; depth < 3; depth += 1) {
    const index = layout.index(entries)
    entries = Array.from({ length: 900 }, (_, at) => ({ ...index, annotations: { at: String(at) } }))
  }
  await check(layout.tar(entries))
})
