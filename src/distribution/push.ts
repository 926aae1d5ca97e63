import { hasCode } from '../errors.ts'
import { isObject, parsedObject } from '../json.ts'
import { collect, sha256 } from '../streams.ts'
import { type Answer, refusal } from './answers.ts'
import type { Exchange } from './exchange.ts'
import { isDigest, isSha256 } from './names.ts'
import { nameOf, rootHeader } from './pull.ts'
import type { RegistryWriter, RepositoryRef, StoredManifest } from './registry.ts'

/** The largest manifest that is taken, in bytes: what the spec says a registry should take, and others do. */
export const MAX_MANIFEST = 4 * 1024 * 1024

/** PUT of a manifest. */
export async function putManifest(
  writer: RegistryWriter,
  repository: RepositoryRef,
  reference: string,
  exchange: Exchange,
): Promise<Answer> {
  const bytes = await documentOf(exchange)
  if (bytes === undefined) {
    return refusal('MANIFEST_INVALID', `A manifest may have ${MAX_MANIFEST} bytes`, { status: 413 })
  }
  const digest = sha256(bytes)
  if (isDigest(reference) && !isSha256(reference)) return otherHash(reference)
  if (isDigest(reference) && reference !== digest) {
    return refusal('DIGEST_INVALID', `The manifest has digest ${digest}, but should have ${reference}`)
  }
  const mediaType = mediaTypeOf(bytes, exchange.header('content-type'))
  if (mediaType === undefined) {
    return refusal(
      'MANIFEST_INVALID',
      `The manifest of ${nameOf(repository, reference)} is none, or not of the type that it is sent as`,
    )
  }
  const { root, subject } = await writer.putManifest(
    repository,
    reference,
    { digest, mediaType, bytes },
    exchange.signal,
  )
  return {
    status: 201,
    headers: {
      Location: `/v2/${repository.path}/manifests/${digest}`,
      'Docker-Content-Digest': digest,
      ...(subject === undefined ? {} : { 'OCI-Subject': subject }),
      ...rootHeader(root),
    },
  }
}

/** DELETE of a manifest or a tag. */
export async function deleteManifest(
  writer: RegistryWriter,
  repository: RepositoryRef,
  reference: string,
  { signal }: Exchange,
): Promise<Answer> {
  const mayBe = !isDigest(reference) || isSha256(reference)
  if (mayBe && (await writer.deleteManifest(repository, reference, signal))) return { status: 202 }
  return refusal('MANIFEST_UNKNOWN', `${nameOf(repository, reference)} is not here`)
}

/** DELETE of a blob. */
export async function deleteBlob(
  writer: RegistryWriter,
  repository: RepositoryRef,
  digest: string,
  { signal }: Exchange,
): Promise<Answer> {
  if (isSha256(digest) && (await writer.deleteBlob(repository, digest, signal))) return { status: 202 }
  return refusal('BLOB_UNKNOWN', `${digest} is not here`)
}

/** The answer to a digest of a kind that nothing is kept by. */
export function otherHash(digest: string): Answer {
  return refusal('DIGEST_INVALID', `Only sha256 digests are known here: ${digest}`)
}

/** The bytes of a manifest; undefined where they are too many. */
async function documentOf({ body }: Exchange): Promise<Uint8Array | undefined> {
  if ((body.length ?? 0) > MAX_MANIFEST) return undefined
  try {
    return await collect(body.bytes(), MAX_MANIFEST, 'The manifest')
  } catch (error) {
    if (hasCode(error, 'INTEGRITY')) return undefined
    throw error
  }
}

const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/i

/** The type of a manifest: what it says, and what it is sent as, if both do so. Undefined where it is no manifest, or they differ. */
function mediaTypeOf(bytes: Uint8Array, header: string | undefined): StoredManifest['mediaType'] | undefined {
  const document = parsedObject(Buffer.from(bytes).toString('utf8'))
  if (document === undefined || document['schemaVersion'] !== 2) return undefined
  const said = document['mediaType']
  const sent = header?.split(';')[0]?.trim()
  const mediaType = said ?? sent ?? guessed(document)
  if (typeof mediaType !== 'string' || !MEDIA_TYPE.test(mediaType)) return undefined
  return sent === undefined || sent === mediaType ? mediaType : undefined
}

function guessed(document: Record<string, unknown>): string | undefined {
  if (Array.isArray(document['manifests'])) return 'application/vnd.oci.image.index.v1+json'
  return isObject(document['config']) ? 'application/vnd.oci.image.manifest.v1+json' : undefined
}
