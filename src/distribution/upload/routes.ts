import { type Answer, missingAs, refusal } from '../answers.ts'
import type { Exchange } from '../exchange.ts'
import { isName, isSha256 } from '../names.ts'
import { otherHash } from '../push.ts'
import { chunkRange } from '../range.ts'
import type { RegistryWriter, RepositoryRef } from '../registry.ts'
import type { Upload, Uploads } from './uploads.ts'

/** POST: begins an upload; takes the whole of it with `digest`, none of it where `mount` names what is there already. */
export async function startUpload(
  writer: RegistryWriter,
  uploads: Uploads,
  repository: RepositoryRef,
  exchange: Exchange,
): Promise<Answer> {
  const { query, signal } = exchange
  const [mount, from, digest] = [query.get('mount'), query.get('from'), query.get('digest')]
  if (digest !== null && !isSha256(digest)) return otherHash(digest)
  // What cannot be mounted is uploaded: so the spec has it.
  if (mount !== null && isSha256(mount) && (from === null || isName(from))) {
    const isThere = await missingAs(false, writer.mount(repository, mount, from ?? undefined, signal))
    if (isThere) return created(repository, mount)
  }
  const upload = uploads.start(repository)
  if (upload === undefined) return refusal('TOOMANYREQUESTS', 'Too many uploads are under way')
  if (digest === null) return underWay(202, upload)
  try {
    return (await upload.alone(() => takeRest(uploads, upload, digest, exchange))) ?? busy(upload)
  } catch (error) {
    // Nobody was told where it could be gone on with.
    await uploads.giveUp(upload, 'The upload broke off')
    throw error
  }
}

/** GET, PATCH, PUT and DELETE of an upload that has begun. */
export async function goOn(
  uploads: Uploads,
  repository: RepositoryRef,
  id: string,
  exchange: Exchange,
): Promise<Answer> {
  const upload = uploads.find(repository, id)
  if (upload === undefined) return refusal('BLOB_UPLOAD_UNKNOWN', 'There is no such upload, or it was forgotten')
  if (exchange.method === 'GET' || exchange.method === 'HEAD') return underWay(204, upload)
  const answer = await upload.alone(() => change(uploads, upload, exchange))
  return answer ?? busy(upload)
}

function change(uploads: Uploads, upload: Upload, exchange: Exchange): Promise<Answer> {
  if (exchange.method === 'DELETE') return dropUpload(uploads, upload)
  if (exchange.method === 'PATCH') return takeChunk(uploads, upload, exchange)
  const digest = exchange.query.get('digest')
  if (digest === null)
    return Promise.resolve(refusal('DIGEST_INVALID', 'The last request of an upload names its digest'))
  if (!isSha256(digest)) return Promise.resolve(otherHash(digest))
  return takeRest(uploads, upload, digest, exchange)
}

async function dropUpload(uploads: Uploads, upload: Upload): Promise<Answer> {
  await uploads.giveUp(upload, 'The client does not want the upload any more')
  return { status: 204 }
}

async function takeChunk(uploads: Uploads, upload: Upload, exchange: Exchange): Promise<Answer> {
  return (await append(uploads, upload, exchange)) ?? underWay(202, upload)
}

async function takeRest(uploads: Uploads, upload: Upload, digest: string, exchange: Exchange): Promise<Answer> {
  const { length: size } = exchange.body
  if (upload.size === 0) upload.expected = { digest, ...(size === undefined ? {} : { size }) }
  const refused = await append(uploads, upload, exchange)
  if (refused !== undefined) return refused
  let found: string
  try {
    found = await upload.finish(digest)
  } finally {
    uploads.remove(upload)
  }
  if (found === digest) return created(upload.repository, digest)
  return refusal('DIGEST_INVALID', `The upload has digest ${found}, but should have ${digest}`)
}

/** Takes the body of a request; the answer is a refusal. Where the client breaks off, the upload can be gone on with. */
async function append(uploads: Uploads, upload: Upload, exchange: Exchange): Promise<Answer | undefined> {
  const header = exchange.header('content-range')
  const range = header === undefined ? undefined : chunkRange(header)
  if (header !== undefined && range === undefined) {
    return refusal('BLOB_UPLOAD_INVALID', `This is no Content-Range: ${header}`)
  }
  if (range !== undefined && range.first !== upload.size) {
    return refusal('RANGE_INVALID', `The upload goes on at byte ${upload.size}`, { headers: headersOf(upload) })
  }
  const length = range === undefined ? undefined : range.last - range.first + 1
  if (length !== undefined && (exchange.body.length ?? length) !== length) {
    return refusal('SIZE_INVALID', `Content-Length and Content-Range differ: ${exchange.body.length}, ${header}`)
  }
  const before = upload.size
  try {
    await upload.append(exchange.body.bytes(), exchange.signal)
  } catch (error) {
    await uploads.broken(upload, error)
    throw error
  }
  if (length === undefined || upload.size - before === length) return undefined
  await uploads.giveUp(upload, 'A chunk had another size than it said')
  return refusal('SIZE_INVALID', `A chunk of ${length} bytes had ${upload.size - before}`)
}

function created({ path }: RepositoryRef, digest: string): Answer {
  return {
    status: 201,
    headers: { Location: `/v2/${path}/blobs/${digest}`, 'Docker-Content-Digest': digest },
  }
}

function underWay(status: number, upload: Upload): Answer {
  return { status, headers: headersOf(upload) }
}

function headersOf(upload: Upload): Record<string, string> {
  return {
    Location: `/v2/${upload.repository.path}/blobs/uploads/${upload.id}`,
    // Of nothing at all this says the same as of one byte: so docker and distribution have it.
    Range: `0-${Math.max(0, upload.size - 1)}`,
    'Docker-Upload-UUID': upload.id,
  }
}

function busy(upload: Upload): Answer {
  return refusal('BLOB_UPLOAD_INVALID', 'Another request is at this upload', {
    status: 409,
    headers: headersOf(upload),
  })
}
