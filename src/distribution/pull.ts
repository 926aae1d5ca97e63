import { DockerIpfsError } from '../errors.ts'
import { sha256 } from '../streams.ts'
import { type Answer, refusal } from './answers.ts'
import type { Exchange } from './exchange.ts'
import { isDigest, isSha256 } from './names.ts'
import { contentRange, rangeOf } from './range.ts'
import type { Registry, RepositoryRef } from './registry.ts'
import type { WrongBlobs } from './wrong-blobs.ts'

/** A header of ours: the root CID of the image that a manifest stands for. */
export const ROOT_HEADER = 'X-Ipfs-Root'

/** GET and HEAD of a manifest. */
export async function getManifest(
  registry: Registry,
  repository: RepositoryRef,
  reference: string,
  { client, signal }: Exchange,
): Promise<Answer> {
  const byDigest = isDigest(reference)
  const manifest =
    byDigest && !isSha256(reference) ? undefined : await registry.manifest(repository, reference, client, signal)
  if (manifest === undefined) return refusal('MANIFEST_UNKNOWN', `${nameOf(repository, reference)} is not here`)
  const digest = sha256(manifest.bytes)
  if (digest !== manifest.digest || (byDigest && digest !== reference)) {
    throw new DockerIpfsError(
      'INTEGRITY',
      `The manifest of ${nameOf(repository, reference)} has digest ${digest}, but should have ${byDigest ? reference : manifest.digest}`,
    )
  }
  return {
    status: 200,
    headers: {
      'Content-Type': manifest.mediaType,
      'Docker-Content-Digest': digest,
      ETag: `"${digest}"`,
      ...rootHeader(manifest.root),
    },
    body: manifest.bytes,
  }
}

/** GET and HEAD of a blob. A HEAD has no range: engines ask it for the size of the whole. */
export async function getBlob(
  registry: Registry,
  wrong: WrongBlobs,
  repository: RepositoryRef,
  digest: string,
  { method, client, signal, header }: Exchange,
): Promise<Answer> {
  const refused = wrong.refusalOf(repository, digest)
  if (refused !== undefined) return refused
  const blob = isSha256(digest) ? await registry.blob(repository, digest, client, signal) : undefined
  if (blob === undefined) return refusal('BLOB_UNKNOWN', `${digest} is not here`)
  const headers = {
    'Content-Type': 'application/octet-stream',
    'Docker-Content-Digest': digest,
    'Accept-Ranges': 'bytes',
    ETag: `"${digest}"`,
  }
  const range = method === 'HEAD' ? undefined : rangeOf(header('range'), blob.size)
  if (range === 'unsatisfiable') {
    return refusal('RANGE_INVALID', `${digest} has ${blob.size} bytes`, {
      headers: { 'Content-Range': `bytes */${blob.size}` },
    })
  }
  const broken = (error: unknown) => wrong.note(repository, digest, error)
  if (range === undefined) return { status: 200, headers, body: { blob, range }, broken }
  return {
    status: 206,
    headers: { ...headers, 'Content-Range': contentRange(range, blob.size) },
    body: { blob, range },
    broken,
  }
}

/** `name:tag` or `name@digest`, as people write it. */
export function nameOf({ path }: RepositoryRef, reference: string): string {
  return `${path}${isDigest(reference) ? '@' : ':'}${reference}`
}

export function rootHeader(root: string | undefined): Record<string, string> {
  return root === undefined ? {} : { [ROOT_HEADER]: root }
}
