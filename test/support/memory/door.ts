import { gzipSync } from 'node:zlib'
import type { Registry, StoredManifest } from '../../../src/distribution/registry.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { createPushedRegistry } from '../../../src/registry/originals.ts'
import { createRegistryWriter } from '../../../src/registry/write/writer.ts'
import type { Bytes } from '../../../src/streams.ts'
import { digest, type TestImage } from '../images.ts'
import type { MemoryNode } from './node.ts'
import { useCase } from './use-case.ts'

const { signal } = new AbortController()

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
const CONFIG = 'application/vnd.oci.image.config.v1+json'
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip'

/** The writing half of a registry over a node in memory, as a client sees it. `read`: what the reading half has. */
export function memoryDoor(
  node: MemoryNode,
  read: Partial<Pick<Registry, 'blob' | 'manifest'>> = {},
  uploadMs?: number,
) {
  const ports = useCase(node)
  const pushed = createPushedRegistry(ports)
  const reading = { blob: async () => undefined, manifest: async () => undefined, ...read }
  const writer = createRegistryWriter({
    ...ports,
    pushed,
    read: reading,
    ...(uploadMs === undefined ? {} : { uploadMs }),
  })
  const repository = (path: string) => ({ path, namespace: undefined })

  const pushBlob = async (bytes: Uint8Array, pieces = [bytes]) => {
    const received = await writer.receive(repository('any'), stream(pieces), signal, () => ({}))
    await received.keep(digest(bytes))
    return { digest: digest(bytes), size: bytes.length }
  }
  const put = async (path: string, reference: string | undefined, value: object | Uint8Array) => {
    const bytes = value instanceof Uint8Array ? value : Buffer.from(JSON.stringify(value))
    const { mediaType = OCI_MANIFEST } = JSON.parse(Buffer.from(bytes).toString('utf8')) as { mediaType?: string }
    const manifest: StoredManifest = { digest: digest(bytes), mediaType, bytes }
    const answer = await writer.putManifest(repository(path), reference ?? manifest.digest, manifest, signal)
    return { ...answer, digest: manifest.digest, bytes, size: bytes.length, mediaType }
  }
  /** As an engine pushes: layers packed, the config, then the manifest. */
  const pushImage = async (path: string, tag: string | undefined, image: TestImage, pack: Pack = gzipSync) => {
    const layers = []
    for (const tar of image.layers) layers.push({ mediaType: LAYER, ...(await pushBlob(await pack(tar))) })
    const config = { mediaType: CONFIG, ...(await pushBlob(image.config)) }
    return put(path, tag, { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers })
  }
  const client = { agent: '', accepts: [], onlyLooks: false }
  const pull = (path: string, reference: string) => pushed.manifest(repository(path), reference, client, signal)
  const blob = (wanted: string) => pushed.blob(repository('any'), wanted, client, signal)
  const referrers = (wanted: string) => pushed.referrers(repository('any'), wanted, signal)
  const pullBlob = async (wanted: string) => {
    const found = await blob(wanted)
    if (found === undefined) throw new DockerIpfsError('CONTENT_NOT_FOUND', `${wanted} is not here`)
    return joined(found.read({ offset: 0, length: found.size }, signal))
  }
  return { ...ports, writer, pushed, repository, pushBlob, put, pushImage, pull, pullBlob, blob, referrers }
}

type Pack = (tar: Buffer) => Uint8Array | Promise<Uint8Array>

export async function joined(bytes: Bytes): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(bytes))
}

export async function* stream(pieces: readonly Uint8Array[]): Bytes {
  yield* pieces
}
