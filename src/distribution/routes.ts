import { type Answer, errorAnswer, jsonAnswer, refusal, type Words } from './answers.ts'
import type { Exchange } from './exchange.ts'
import { listReferrers, listRepositories, listTags } from './lists.ts'
import { type Target, targetOf } from './names.ts'
import { getBlob, getManifest } from './pull.ts'
import { deleteBlob, deleteManifest, putManifest } from './push.ts'
import type { Registry, RegistryWriter } from './registry.ts'
import { goOn, startUpload } from './upload/routes.ts'
import type { Uploads } from './upload/uploads.ts'
import type { WrongBlobs } from './wrong-blobs.ts'

/** What requests are answered from. */
export interface Served {
  readonly registry: Registry
  /** Undefined where nothing can be written. */
  readonly uploads: Uploads | undefined
  readonly wrong: WrongBlobs
}

type Kind = Exclude<Target['kind'], 'bad' | 'other'>

/** The methods of each route; the first of them read. */
const METHODS: Readonly<Record<Kind, { readonly reads: readonly string[]; readonly writes: readonly string[] }>> = {
  base: { reads: ['GET', 'HEAD'], writes: [] },
  catalog: { reads: ['GET', 'HEAD'], writes: [] },
  tags: { reads: ['GET', 'HEAD'], writes: [] },
  referrers: { reads: ['GET', 'HEAD'], writes: [] },
  manifest: { reads: ['GET', 'HEAD'], writes: ['PUT', 'DELETE'] },
  blob: { reads: ['GET', 'HEAD'], writes: ['DELETE'] },
  uploads: { reads: [], writes: ['POST'] },
  upload: { reads: [], writes: ['GET', 'HEAD', 'PATCH', 'PUT', 'DELETE'] },
}

/** What a missing thing is called, and a bad one. */
const WORDS: Readonly<Record<Kind, Words>> = {
  base: { missing: 'UNKNOWN', invalid: 'UNKNOWN' },
  catalog: { missing: 'NAME_UNKNOWN', invalid: 'UNKNOWN' },
  tags: { missing: 'NAME_UNKNOWN', invalid: 'UNKNOWN' },
  referrers: { missing: 'NAME_UNKNOWN', invalid: 'UNKNOWN' },
  manifest: { missing: 'MANIFEST_UNKNOWN', invalid: 'MANIFEST_INVALID' },
  blob: { missing: 'BLOB_UNKNOWN', invalid: 'UNKNOWN' },
  uploads: { missing: 'BLOB_UPLOAD_UNKNOWN', invalid: 'BLOB_UPLOAD_INVALID' },
  upload: { missing: 'BLOB_UPLOAD_UNKNOWN', invalid: 'BLOB_UPLOAD_INVALID' },
}

const BAD = { NAME_INVALID: 'repository name', TAG_INVALID: 'tag', DIGEST_INVALID: 'digest' } as const

/** Answers a request of the protocol; undefined where its path is none of it. It never throws. */
export async function answer(served: Served, path: string, exchange: Exchange): Promise<Answer | undefined> {
  const target = targetOf(path, exchange.query.get('ns') ?? undefined)
  if (target.kind === 'other') {
    return path.startsWith('/v2/') ? refusal('UNSUPPORTED', 'There is no such path', { status: 404 }) : undefined
  }
  if (target.kind === 'bad') {
    return refusal(target.code, `This is no ${BAD[target.code]}: ${target.what.slice(0, 300)}`)
  }
  const { reads, writes } = METHODS[target.kind]
  const isWrite = writes.includes(exchange.method)
  if (!isWrite && !reads.includes(exchange.method)) return notAllowed([...reads, ...writes])
  try {
    if (!isWrite) return await read(served, target, exchange)
    const { writer } = served.registry
    if (writer === undefined || served.uploads === undefined) {
      return notAllowed(reads, 'Nothing can be written to this registry')
    }
    return await write(writer, served.uploads, target, exchange)
  } catch (error) {
    const { missing, invalid } = WORDS[target.kind]
    const isPut = target.kind === 'manifest' && exchange.method === 'PUT'
    return errorAnswer(error, {
      missing: isPut ? 'MANIFEST_BLOB_UNKNOWN' : missing,
      invalid,
      // Of what is above 500 a classic engine shows nothing, and it sends all of it four times more: to a full disk.
      ...(isWrite ? { failed: 'DENIED' } : {}),
    })
  }
}

function notAllowed(methods: readonly string[], message = 'This method is not for this path'): Answer {
  return refusal('UNSUPPORTED', message, { headers: { Allow: methods.join(', ') } })
}

async function read({ registry, wrong }: Served, target: Target, exchange: Exchange): Promise<Answer> {
  switch (target.kind) {
    case 'base':
      return jsonAnswer({})
    case 'catalog':
      return listRepositories(registry, exchange)
    case 'tags':
      return listTags(registry, target.repository, exchange)
    case 'referrers':
      return listReferrers(registry, target.repository, target.digest, exchange)
    case 'manifest':
      return getManifest(registry, target.repository, target.reference, exchange)
    case 'blob':
      return getBlob(registry, wrong, target.repository, target.digest, exchange)
    default:
      return notAllowed([])
  }
}

async function write(writer: RegistryWriter, uploads: Uploads, target: Target, exchange: Exchange): Promise<Answer> {
  switch (target.kind) {
    case 'manifest':
      return exchange.method === 'PUT'
        ? putManifest(writer, target.repository, target.reference, exchange)
        : deleteManifest(writer, target.repository, target.reference, exchange)
    case 'blob':
      return deleteBlob(writer, target.repository, target.digest, exchange)
    case 'uploads':
      return startUpload(writer, uploads, target.repository, exchange)
    case 'upload':
      return goOn(uploads, target.repository, target.id, exchange)
    default:
      return notAllowed([])
  }
}
