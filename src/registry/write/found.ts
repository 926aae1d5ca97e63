import type { Client, Registry, RepositoryRef, StoredBlob, StoredManifest } from '../../distribution/registry.ts'
import { DockerIpfsError, hasCode } from '../../errors.ts'
import type { Descriptor } from '../../image/documents.ts'
import type { Bytes } from '../../streams.ts'

/** What is here already: what was pushed, and what the registry reads of images. */
export interface Found {
  blob(digest: string, signal: AbortSignal): Promise<StoredBlob | undefined>
  manifest(digest: string, signal: AbortSignal): Promise<StoredManifest | undefined>
  /** All of a blob. */
  open(blob: Descriptor, signal: AbortSignal): Bytes
}

/** Whoever pushes a manifest has seen its blobs, plain layers too. */
const ANY: Client = { agent: '', accepts: [], onlyLooks: false }

/** Podman mounts by diffID, and then calls the tar what it has itself, such as gzip: as with HEAD, it is not told of it. */
export const LOOKS: Client = { ...ANY, onlyLooks: true }

/** @param places asked one after the other */
export function findIn(
  repository: RepositoryRef,
  places: readonly Pick<Registry, 'blob' | 'manifest'>[],
  client: Client = ANY,
): Found {
  const blob: Found['blob'] = (digest, signal) =>
    first(places, (place) => place.blob(repository, digest, client, signal))
  return {
    blob,
    manifest: (digest, signal) => first(places, (place) => place.manifest(repository, digest, client, signal)),
    async *open({ digest }, signal) {
      const stored = await blob(digest, signal)
      if (stored === undefined) throw lacking('blob', digest)
      yield* stored.read({ offset: 0, length: stored.size }, signal)
    },
  }
}

async function first<P, T>(places: readonly P[], ask: (place: P) => Promise<T | undefined>): Promise<T | undefined> {
  for (const place of places) {
    const found = await ifThere(ask(place))
    if (found !== undefined) return found
  }
  return undefined
}

/** The port says it in two ways. */
async function ifThere<T>(asked: Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (hasCode(error, 'CONTENT_NOT_FOUND', 'IMAGE_NOT_FOUND')) return undefined
    throw error
  }
}

export function lacking(kind: 'manifest' | 'blob', digest: string): DockerIpfsError {
  return new DockerIpfsError('CONTENT_NOT_FOUND', `the ${kind} ${digest} is not here`, { hint: 'Push it first.' })
}
