import { describe, expect, test } from 'bun:test'
import { readsNoZstd, takesIndex } from '../../../src/registry/client.ts'

const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
const LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'

describe('whether a client reads no zstd', () => {
  test.each([
    ['docker/20.10.24+dfsg1 go/go1.19.8 git-commit/5d6db84 kernel/6.1 os/linux arch/amd64', true],
    ['docker/19.03.5 go/go1.12', true],
    ['docker/1.13.1', true],
    ['docker/22.06.0-beta.0', true],
    ['docker/23.0.0', false],
    ['docker/26.1.5+dfsg1 go/go1.24.4', false],
    ['docker/28.5.2 containerd-client/2.1.9', false],
    ['docker/library-import', false],
    ['containerd/1.6.20+unknown', false],
    ['buildkit/v0.0-dev', false],
    ['UpstreamClient(Docker-Client/20.10.24)', false],
    ['', false],
  ])('%p: %p', (agent, expected) => {
    expect(readsNoZstd({ agent, accepts: [] })).toBe(expected)
  })
})

describe('whether a client takes an index', () => {
  test.each([
    [[], true],
    [['*/*'], true],
    [['application/json'], true],
    [[OCI_MANIFEST], false],
    [[MANIFEST], false],
    [[MANIFEST, OCI_MANIFEST], false],
    [[OCI_MANIFEST, OCI_INDEX], true],
    [[MANIFEST, LIST], true],
    [[MANIFEST, '*/*'], true],
  ])('%p: %p', (accepts, expected) => {
    expect(takesIndex({ agent: '', accepts })).toBe(expected)
  })
})
