import { DockerIpfsError, type ErrorCode, hasCode, messageOf } from '../errors.ts'
import type { ByteRange } from './range.ts'
import type { StoredBlob } from './registry.ts'

/** What a request is answered with. The length is told of every body. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Without one the length is 0. */
  readonly body?: Uint8Array | BlobBody
  /** For the log: why it is a refusal. */
  readonly error?: string
  /** Told why its body could not be sent to the end, where that was not the client's doing. */
  readonly broken?: (error: unknown) => void
}

/** A blob that is sent as it is read; all of it where no range is named. */
export interface BlobBody {
  readonly blob: StoredBlob
  readonly range: ByteRange | undefined
}

/** Codes of errors in the registry's JSON (spec.md, "Error Codes"), and the status that they have here. */
const STATUS = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DENIED: 403,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 404,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  PAGINATION_NUMBER_INVALID: 400,
  RANGE_INVALID: 416,
  SIZE_INVALID: 400,
  TAG_INVALID: 400,
  TOOMANYREQUESTS: 429,
  UNAUTHORIZED: 401,
  UNAVAILABLE: 503,
  UNKNOWN: 500,
  UNSUPPORTED: 405,
} as const

export type RefusalCode = keyof typeof STATUS

/** An error in the registry's JSON. `message` is for people: classic engines show it of answers below 500. */
export function refusal(
  code: RefusalCode,
  message: string,
  more: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): Answer {
  const { status = STATUS[code], headers } = more
  return { ...jsonAnswer({ errors: [{ code, message, detail: null }] }, headers), status, error: message }
}

export function jsonAnswer(
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
  mediaType = 'application/json',
): Answer {
  return {
    status: 200,
    headers: { 'Content-Type': mediaType, ...headers },
    body: Buffer.from(JSON.stringify(value)),
  }
}

/** What a part of the protocol calls a thing that is not there, and one that cannot be read. */
export interface Words {
  readonly missing: RefusalCode
  readonly invalid: RefusalCode
  /** Where the node behind us says no. */
  readonly failed?: RefusalCode
}

/** What went wrong behind the port, as an answer. The only place that turns our codes into those of HTTP. */
export function errorAnswer(error: unknown, { missing, invalid, failed }: Words): Answer {
  const message = textOf(error)
  if (!(error instanceof DockerIpfsError)) return refusal('UNKNOWN', message)
  switch (error.code) {
    case 'CONTENT_NOT_FOUND':
    case 'IMAGE_NOT_FOUND':
    case 'PLATFORM_NOT_FOUND':
    case 'NOT_AN_IMAGE':
    case 'PUBLICATION_INVALID':
    case 'PUBLICATION_OLDER':
      return refusal(missing, message)
    case 'REFERENCE_INVALID':
      return refusal('NAME_INVALID', message)
    case 'ARCHIVE_INVALID':
      return refusal(invalid, message)
    case 'CANCELLED':
    case 'NODE_UNREACHABLE':
    case 'ENGINE_UNREACHABLE':
      return refusal('UNAVAILABLE', message)
    default:
      if (failed !== undefined && hasCode(error, 'NODE_FAILED', 'NODE_DENIED')) return refusal(failed, message)
      return refusal('UNKNOWN', message, BEHIND.includes(error.code) ? { status: 502 } : {})
  }
}

/** What a search gives, and `missing` where it fails since nothing is there. */
export async function missingAs<T>(missing: T, search: Promise<T>): Promise<T> {
  try {
    return await search
  } catch (error) {
    if (hasCode(error, 'CONTENT_NOT_FOUND', 'IMAGE_NOT_FOUND')) return missing
    throw error
  }
}

/** Codes that say that somebody behind us failed. */
const BEHIND: readonly ErrorCode[] = ['NODE_FAILED', 'NODE_DENIED', 'ENGINE_FAILED', 'INTEGRITY']

function textOf(error: unknown): string {
  const hint = error instanceof DockerIpfsError && error.hint !== undefined ? ` ${error.hint}` : ''
  return `${messageOf(error)}${hint === '' || /[.!?]$/.test(messageOf(error)) ? '' : '.'}${hint}`
}
