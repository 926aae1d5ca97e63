import type { Range } from '../dag/block-source.ts'

/** A part of a blob that was asked for, as `Range` of HTTP names it (RFC 9110, 14.1.2). */
export type ByteRange = Range

/**
 * What the header Range asks for of so many bytes. Undefined: all of it, as without the header; this is also the answer to what is no
 * range of bytes, and to several at once.
 */
export function rangeOf(header: string | undefined, size: number): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/i.exec(header?.replaceAll(' ', '') ?? '')
  if (match === null) return undefined
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return undefined
  if (first === '') return between(Math.max(0, size - Number(last)), size - 1, size)
  if (last !== '' && Number(last) < Number(first)) return undefined
  return between(Number(first), last === '' ? size - 1 : Math.min(Number(last), size - 1), size)
}

function between(first: number, last: number, size: number): ByteRange | 'unsatisfiable' {
  if (first >= size || last < first) return 'unsatisfiable'
  return { offset: first, length: last - first + 1 }
}

/** `Content-Range` of an answer with a part. */
export function contentRange({ offset, length }: ByteRange, size: number): string {
  return `bytes ${offset}-${offset + length - 1}/${size}`
}

/** `Content-Range` of a chunk that is sent: `<first>-<last>`, as the spec has it; some clients write it as HTTP does. Undefined where it is neither. */
export function chunkRange(header: string): { readonly first: number; readonly last: number } | undefined {
  const match = /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/(?:\d{1,15}|\*))?$/.exec(header.trim())
  if (match === null) return undefined
  const [first, last] = [Number(match[1]), Number(match[2])]
  return last < first ? undefined : { first, last }
}
