/** Fields of tar headers, as the readers of archives need them. (The format has its own, frozen: src/format/tar-header.ts.) */

/** Bytes of a header; contents are padded to so many. */
export const BLOCK = 512

export function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK
}

export function isZero(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0)
}

/** A number in octal digits, or base 256 as GNU tar writes large ones; NaN for what is none. An empty field is 0. */
export function readNumber(header: Uint8Array, at: number, length: number): number {
  const field = header.subarray(at, at + length)
  if (((field[0] ?? 0) & 0x80) !== 0) {
    let value = (field[0] ?? 0) & 0x7f
    for (const byte of field.subarray(1)) value = value * 256 + byte
    return Number.isSafeInteger(value) ? value : Number.NaN
  }
  const text = Buffer.from(field).toString('latin1').replace(/\0.*$/s, '').trim()
  if (text === '') return 0
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN
}

export function writeNumber(header: Uint8Array, at: number, length: number, value: number): void {
  const field = header.subarray(at, at + length)
  field.fill(0)
  const digits = octal(value, length - 1)
  if (digits.length < length) {
    field.set(Buffer.from(digits, 'latin1'))
    return
  }
  for (let rest = value, byte = length - 1; byte > 0; rest = Math.floor(rest / 256), byte -= 1) field[byte] = rest % 256
  field[0] = 0x80
}

export function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0')
}

/** The sum of a header's bytes, with its checksum field taken as spaces. */
export function checksumOf(header: Uint8Array): number {
  let sum = 8 * 0x20
  for (const [at, byte] of header.entries()) if (at < 148 || at >= 156) sum += byte
  return sum
}

/** Whether a header has its checksum. Some old writers summed signed bytes. */
export function hasChecksum(header: Uint8Array): boolean {
  const unsigned = checksumOf(header)
  // In the field itself are digits.
  const signed = unsigned - 256 * header.filter((byte) => byte > 127).length
  return [unsigned, signed].includes(readNumber(header, 148, 8))
}

/** The records of a pax header, in order: keys may stand several times. What is no record ends them. */
export function paxRecords(body: Uint8Array): (readonly [key: string, value: string])[] {
  const records: (readonly [string, string])[] = []
  for (let at = 0; at < body.length; ) {
    const [, digits = ''] = /^(\d{1,10}) /.exec(Buffer.from(body.subarray(at, at + 12)).toString('latin1')) ?? []
    const length = Number(digits)
    if (digits === '' || length < digits.length + 3 || at + length > body.length) break
    const text = Buffer.from(body.subarray(at + digits.length + 1, at + length - 1)).toString('utf8')
    const equals = text.indexOf('=')
    if (equals > 0) records.push([text.slice(0, equals), text.slice(equals + 1)])
    at += length
  }
  return records
}
