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
import { platformOf } from '../../../src/image/platform.ts'
import { digest } from '../../support/images.ts'

/** These texts are format 1: a change here changes the CID of every image. */
const A = { digest: `sha256:${'a'.repeat(64)}`, size: 1 }
const B = { digest: `sha256:${'b'.repeat(64)}`, size: 2 }
const INDEX = '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":['
const MANIFEST = '"mediaType":"application/vnd.oci.image.manifest.v1+json"'
const textOf = ({ bytes }: { readonly bytes: Uint8Array }) => Buffer.from(bytes).toString()

describe('the documents of an image are written to the byte', () => {
  test('the manifest', () => {
    expect(textOf(ociManifest(A, [{ ...B, tarSize: 3 }], '1'))).toBe(
      `{"schemaVersion":2,${MANIFEST},` +
        `"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"${A.digest}","size":1},` +
        `"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+zstd","digest":"${B.digest}","size":2,` +
        `"annotations":{"org.docker-ipfs.tar-size":"3"}}],"annotations":{"org.docker-ipfs.format":"1"}}`,
    )
  })

  test('the index of one platform', () => {
    expect(textOf(ociIndex(A))).toBe(`${INDEX}{${MANIFEST},"digest":"${A.digest}","size":1}]}`)
    expect(textOf(ociIndex({ ...A, platform: { os: 'linux', architecture: 'amd64' } }))).toBe(
      `${INDEX}{${MANIFEST},"digest":"${A.digest}","size":1,"platform":{"os":"linux","architecture":"amd64"}}]}`,
    )
  })

  test('the index of several platforms, where what goes without saying is not said', () => {
    const platforms = [
      { ...A, platform: { ...platformOf('linux', 'arm64', 'v8'), osVersion: '' } },
      { ...B, platform: { ...platformOf('windows', 'arm', 'v7'), osVersion: '10.0' } },
    ]
    expect(textOf(platformIndex(platforms))).toBe(
      `${INDEX}{${MANIFEST},"digest":"${A.digest}","size":1,"platform":{"architecture":"arm64","os":"linux"}},` +
        `{${MANIFEST},"digest":"${B.digest}","size":2,` +
        `"platform":{"architecture":"arm","os":"windows","os.version":"10.0","variant":"v7"}}]}`,
    )
  })

  test('the index above that', () => {
    expect(textOf(outerIndex(A))).toBe(
      `${INDEX}{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"${A.digest}","size":1}]}`,
    )
  })

  test('the manifest of docker, without names', () => {
    expect(textOf(dockerManifest('c', ['l', 'm']))).toBe('[{"Config":"c","RepoTags":null,"Layers":["l","m"]}]')
  })
})

test('a document has the digest and the size of its bytes', () => {
  const bytes = Buffer.from('text')
  expect(document(bytes)).toEqual({ bytes, digest: digest(bytes), size: 4 })
})

test('a blob lies where OCI layouts have it', () => {
  expect(hexOf(A.digest)).toBe('a'.repeat(64))
  expect(blobPath(A.digest)).toBe(`blobs/sha256/${'a'.repeat(64)}`)
})
