import { expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  type ImageRecord,
  readImageRecord,
  readLayerRecord,
  readVersions,
  writeImageRecord,
  writeLayerRecord,
  writeVersions,
} from '../../../src/catalogue/records.ts'
import { rawBlock } from '../../../src/dag/blocks.ts'
import { parseCid } from '../../../src/dag/cid.ts'
import type { Layer } from '../../../src/format/layer.ts'
import { GOLDEN_ROOTS } from '../../support/images.ts'

const digests = fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `sha256:${hex}`)
const sizes = fc.nat(Number.MAX_SAFE_INTEGER)
const cids = fc.uint8Array({ maxLength: 8 }).map((bytes) => rawBlock(bytes).cid)

const layers: fc.Arbitrary<Layer> = fc.record({
  diffId: digests,
  tarSize: sizes,
  blobDigest: digests,
  blob: fc.record({ cid: cids, fileSize: sizes, dagSize: sizes }),
})

const images: fc.Arbitrary<ImageRecord> = fc.record({
  root: cids.map(String),
  configDigest: digests,
  names: fc.array(fc.string()),
  imageIds: fc.array(digests),
  layers: fc.array(digests),
  savedAt: fc.constant('2026-01-01T00:00:00.000Z'),
})

const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value))

test('a layer is read as it was written', () => {
  fc.assert(
    fc.property(layers, (layer) => {
      const { blob, ...rest } = readLayerRecord(writeLayerRecord(layer)) as Layer
      expect({ ...rest, blob: { ...blob, cid: blob.cid.toString() } }).toEqual({
        ...layer,
        blob: { ...layer.blob, cid: layer.blob.cid.toString() } as never,
      })
    }),
  )
})

test('the same layer is written with the same bytes, whatever else its object holds', () => {
  fc.assert(
    fc.property(layers, ({ diffId, tarSize, blobDigest, blob }) => {
      const other = { more: 1, blob, blobDigest, tarSize, diffId }
      expect(writeLayerRecord(other)).toEqual(writeLayerRecord({ diffId, tarSize, blobDigest, blob }))
    }),
  )
})

test('tags are read as they were written, and what can be no tag is left out', () => {
  const versions = ['1.2', 'latest'].map((tag) => ({ tag, root: parseCid(GOLDEN_ROOTS.tiny) }))
  expect(readVersions(writeVersions(versions))).toEqual(versions)
  const odd = ['1', '../2', '', 'a b', '3\n'].map((tag) => ({ tag, root: undefined }))
  expect(readVersions(writeVersions(odd))).toEqual([{ tag: '1', root: undefined }])
})

test.each(['{}', 'null', '7', '{"1":"no CID"}', '{"1":7}', '{"2":"bafkqaaa"}'])(
  'a tag has no root where they are %s',
  (roots) => {
    const text = writeVersions([{ tag: '1', root: undefined }]).toString()
    expect(readVersions(Buffer.from(text.replace('"roots":{}', `"roots":${roots}`)))).toEqual([
      { tag: '1', root: undefined },
    ])
  },
)

test.each(['', 'null', '[]', '{"version":1,"format":1,"tags":["1"]}', '{"version":9,"tags":["1"]}'])(
  'tags are none in %j',
  (text) => {
    expect(readVersions(Buffer.from(text))).toEqual([])
  },
)

test('an image is read as it was written', () => {
  fc.assert(
    fc.property(images, (image) => {
      expect(readImageRecord(bytesOf(writeImageRecord(image)))).toEqual(writeImageRecord(image))
    }),
  )
})

test('what a later version adds to a record of this version does no harm', () => {
  fc.assert(
    fc.property(images, (image) => {
      expect(readImageRecord(bytesOf({ ...writeImageRecord(image), more: 1 }))).toEqual(writeImageRecord(image))
    }),
  )
})

test('a missing record is undefined', () => {
  expect(readImageRecord(undefined)).toBeUndefined()
  expect(readLayerRecord(undefined)).toBeUndefined()
})

test('bytes that are no JSON are undefined', () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), fc.string().map(Buffer.from), fc.json().map(Buffer.from)), (bytes) => {
      expect(readImageRecord(bytes)).toBeUndefined()
      expect(readLayerRecord(bytes)).toBeUndefined()
    }),
  )
})

test('a record that is cut anywhere is undefined', () => {
  fc.assert(
    fc.property(layers, images, fc.double({ min: 0, max: 0.999, noNaN: true }), (layer, image, at) => {
      const cut = (bytes: Uint8Array) => bytes.subarray(0, Math.floor(bytes.length * at))
      expect(readLayerRecord(cut(writeLayerRecord(layer)))).toBeUndefined()
      expect(readImageRecord(cut(bytesOf(writeImageRecord(image))))).toBeUndefined()
    }),
  )
})

/** JSON values none of which is right where a digest, a CID, a size or a list of digests must be. */
const wrong = fc.oneof(
  fc.constantFrom(undefined, null, true, -1, 0.5, 1e300, '', 'sha256:', `sha256:${'A'.repeat(64)}`, {}, [1], [null]),
  fc.stringMatching(/^[0-9a-f]{64}$/),
)

test.each(['version', 'format', 'diffId', 'tarSize', 'blobDigest', 'blob', 'blobSize', 'dagSize'])(
  'a layer whose "%s" is missing or something else is undefined',
  (field) => {
    fc.assert(
      fc.property(layers, wrong, (layer, value) => {
        const record = JSON.parse(Buffer.from(writeLayerRecord(layer)).toString()) as Record<string, unknown>
        expect(record).toHaveProperty(field)
        expect(readLayerRecord(bytesOf({ ...record, [field]: value }))).toBeUndefined()
      }),
    )
  },
)

test.each(['version', 'format', 'configDigest', 'imageIds', 'layers'])(
  'an image whose "%s" is missing or something else is undefined',
  (field) => {
    fc.assert(
      fc.property(images, wrong, (image, value) => {
        expect(readImageRecord(bytesOf({ ...writeImageRecord(image), [field]: value }))).toBeUndefined()
      }),
    )
  },
)

test.each(['root', 'names', 'savedAt'])('an image whose "%s" is no text is undefined', (field) => {
  const noText = fc.constantFrom(undefined, null, 1, true, {}, [1], [[]])
  fc.assert(
    fc.property(images, noText, (image, value) => {
      expect(readImageRecord(bytesOf({ ...writeImageRecord(image), [field]: value }))).toBeUndefined()
    }),
  )
})

test('a record that says another version or format is undefined', () => {
  fc.assert(
    fc.property(
      layers,
      images,
      fc.constantFrom({ version: 2 }, { version: '1' }, { format: '2' }, { format: 1 }),
      (layer, image, other) => {
        const record = JSON.parse(Buffer.from(writeLayerRecord(layer)).toString()) as object
        expect(readLayerRecord(bytesOf({ ...record, ...other }))).toBeUndefined()
        expect(readImageRecord(bytesOf({ ...writeImageRecord(image), ...other }))).toBeUndefined()
      },
    ),
  )
})
