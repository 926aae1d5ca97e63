import { describe, expect, test } from 'bun:test'
import {
  blobPath,
  dockerManifest,
  document,
  hexOf,
  ociIndex,
  ociManifest,
  outerIndex,
  platformIndex,
} from '../../../src/image/canonical.ts'
import { digest } from '../../support/images.ts'

const text = ({ bytes }: { readonly bytes: Uint8Array }) => Buffer.from(bytes).toString()
const blob = (letter: string, size: number) => ({ digest: `sha256:${letter.repeat(64)}`, size })
const [A, B, C] = ['a', 'b', 'c'].map((letter) => letter.repeat(64))

describe('documents are written byte by byte as docs/format.md shows them', () => {
  test('a manifest', () => {
    const layer = { ...blob('b', 20), tarSize: 3072 }
    expect(text(ociManifest(blob('a', 10), [layer, layer], '1'))).toBe(
      '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",' +
        `"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:${A}","size":10},"layers":[` +
        Array(2)
          .fill(
            `{"mediaType":"application/vnd.oci.image.layer.v1.tar+zstd","digest":"sha256:${B}","size":20,` +
              '"annotations":{"org.docker-ipfs.tar-size":"3072"}}',
          )
          .join(',') +
        '],"annotations":{"org.docker-ipfs.format":"1"}}',
    )
  })

  test('index.json of one platform, and of several', () => {
    const index = (type: string) =>
      '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[' +
      `{"mediaType":"application/vnd.oci.image.${type}.v1+json","digest":"sha256:${A}","size":10}]}`
    expect(text(ociIndex(blob('a', 10)))).toBe(index('manifest'))
    expect(text(outerIndex(blob('a', 10)))).toBe(index('index'))
  })

  test('the index of several platforms, without what is empty', () => {
    const platform = { os: 'windows', architecture: 'amd64', variant: 'v2', osVersion: '10.0' }
    const bare = { os: '', architecture: '', variant: '', osVersion: '' }
    const entry = (letter: string | undefined, size: number, of: string) =>
      `{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:${letter}","size":${size},"platform":${of}}`
    expect(
      text(
        platformIndex([
          { ...blob('b', 1), platform },
          { ...blob('c', 2), platform: bare },
        ]),
      ),
    ).toBe(
      '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[' +
        `${entry(B, 1, '{"architecture":"amd64","os":"windows","os.version":"10.0","variant":"v2"}')},` +
        `${entry(C, 2, '{"architecture":"","os":""}')}]}`,
    )
  })

  test('strings with what must be escaped, and what must not', () => {
    const os = '"\\\b\t\n\f\r\u0001\u001f/<\u007f\u2028ü\u{1f600}\ud800'
    const platform = { os, architecture: 'x', variant: '', osVersion: '' }
    expect(text(platformIndex([{ ...blob('a', 1), platform }]))).toContain(
      '"os":"\\"\\\\\\b\\t\\n\\f\\r\\u0001\\u001f/<\u007f\u2028ü\u{1f600}\\ud800"',
    )
  })

  test('manifest.json', () => {
    expect(text(dockerManifest('blobs/sha256/a', ['blobs/sha256/b', 'blobs/sha256/b']))).toBe(
      '[{"Config":"blobs/sha256/a","RepoTags":null,"Layers":["blobs/sha256/b","blobs/sha256/b"]}]',
    )
  })
})

test('a document knows its digest, its size, and where it lies', () => {
  const bytes = Buffer.from('{}')
  const made = document(bytes)
  expect(made).toEqual({ bytes, digest: digest(bytes), size: 2 })
  expect(blobPath(made.digest)).toBe(`blobs/sha256/${hexOf(made.digest)}`)
})
