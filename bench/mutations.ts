/** Ways in which an archive can be wrong. Each is drawn from the numbers of one seed, so that a case can be made again. */
import { gzipSync, zstdCompressSync } from 'node:zlib'

const BLOCK = 512

/** Numbers that are the same for a seed (mulberry32). */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** A whole number from 0 up to, and not with, `below`. */
  next(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let value = this.#state
    value = Math.imul(value ^ (value >>> 15), value | 1)
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61)
    return Math.floor((((value ^ (value >>> 14)) >>> 0) / 2 ** 32) * below)
  }

  of<T>(list: readonly T[]): T {
    return list[this.next(list.length)] as T
  }

  bytes(count: number): Buffer {
    return Buffer.from(Array.from({ length: count }, () => this.next(256)))
  }
}

type Mutation = (bytes: Buffer, random: Random, others: readonly Buffer[]) => Buffer

function flipBits(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes)
  for (let count = 1 + random.next(8); count > 0 && copy.length > 0; count -= 1) {
    const at = random.next(copy.length)
    copy[at] = (copy[at] as number) ^ (1 << random.next(8))
  }
  return copy
}

function truncate(bytes: Buffer, random: Random): Buffer {
  return bytes.subarray(0, random.next(bytes.length + 1))
}

function splice(bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  const other = random.of(others)
  const from = random.next(other.length)
  const step = random.next(2) === 0 ? 1 : BLOCK
  const at = Math.floor(random.next(bytes.length + 1) / step) * step
  const piece = other.subarray(Math.floor(from / step) * step).subarray(0, random.next(8 * BLOCK))
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + random.next(4) * step)])
}

function repeat(bytes: Buffer, random: Random): Buffer {
  const [at, to] = [random.next(bytes.length + 1), random.next(bytes.length + 1)]
  return Buffer.concat([bytes.subarray(0, Math.max(at, to)), bytes.subarray(Math.min(at, to))])
}

/** Offset and length of the fields of a header, of GNU tar's sparse ones too. */
const FIELDS = [
  [0, 100],
  [100, 8],
  [108, 8],
  [116, 8],
  [124, 12],
  [124, 12],
  [136, 12],
  [156, 1],
  [156, 1],
  [157, 100],
  [257, 8],
  [345, 155],
  [386, 12],
  [398, 12],
  [482, 1],
  [483, 12],
] as const

const TYPES = '\x000123456789gxLKSDMNVXA'
const TEXTS = [
  '',
  '/',
  '.',
  '..',
  './',
  '../../x',
  'manifest.json',
  'index.json',
  'x/layer.tar',
  '-1',
  '77777777777',
  '0',
]

function changeHeader(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes)
  const headers = headersOf(copy)
  if (headers.length === 0) return flipBits(bytes, random)
  for (let count = 1 + random.next(2); count > 0; count -= 1) {
    const header = copy.subarray(random.of(headers)).subarray(0, BLOCK)
    const [at, length] = random.of(FIELDS)
    const field = header.subarray(at, at + length)
    const way = random.next(5)
    if (length === 1) field.write(random.of([...TYPES]), 'latin1')
    else if (way === 0) random.bytes(length).copy(field)
    else if (way === 1) field.fill(0).write(random.of(TEXTS), 'latin1')
    else if (way === 2) field.fill(0).write(random.next(2 ** 16).toString(8), 'latin1')
    else if (way === 3) field.fill(0xff)
    else field.fill(0).writeUInt8(0x80, 0)
    if (way === 4) random.bytes(Math.min(4, length - 1)).copy(field, length - Math.min(4, length - 1))
    header.fill(' ', 148, 156)
    const sum = header.reduce((total, byte) => total + byte, 0)
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  }
  return copy
}

function headersOf(tar: Buffer): number[] {
  const found: number[] = []
  for (let at = 0; at + BLOCK <= tar.length; at += BLOCK) {
    const told = Number.parseInt(tar.toString('latin1', at + 148, at + 154), 8)
    const header = Buffer.from(tar.subarray(at, at + BLOCK)).fill(' ', 148, 156)
    if (told > 0 && header.reduce((total, byte) => total + byte, 0) === told) found.push(at)
  }
  return found
}

const VALUES = ['null', '[]', '{}', '-1', '1e999', '""', 'true', '"sha256:"', '[[[[', '"../../x"', '\u0000', '\xff\xfe']

/** Puts another value where one of a document is, or a record of a pax header, and leaves the length as it was. */
function changeDocument(bytes: Buffer, random: Random): Buffer {
  const text = bytes.toString('latin1')
  const values = [...text.matchAll(/"[\w./:+-]{1,90}"|(?<=[:[,])\d{1,12}(?=[,}\]])|(?<==)[^\n\0]{1,40}(?=\n)/g)]
  if (values.length === 0) return flipBits(bytes, random)
  const { index, 0: old } = random.of(values)
  const value = random.next(3) === 0 ? random.of(values)[0] : random.of(VALUES)
  return Buffer.from(
    `${text.slice(0, index)}${value.slice(0, old.length).padEnd(old.length)}${text.slice(index + old.length)}`,
    'latin1',
  )
}

/** Packs it, in one piece or in two, with something between them or behind. */
function pack(bytes: Buffer, random: Random): Buffer {
  const pack = random.of([gzipSync, zstdCompressSync])
  const at = random.next(bytes.length + 1)
  const skippable = Buffer.concat([Buffer.from('502a4d1804000000', 'hex'), random.bytes(4)])
  const between = random.of([Buffer.alloc(0), Buffer.alloc(0), skippable, random.bytes(9), Buffer.alloc(700)])
  const packed = Buffer.concat([pack(bytes.subarray(0, at)), between, pack(bytes.subarray(at)), between])
  return random.next(3) === 0 ? random.of([flipBits, truncate, repeat])(packed, random) : packed
}

export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'bits flipped': flipBits,
  'cut short': truncate,
  spliced: splice,
  'repeated in part': repeat,
  'header fields': changeHeader,
  'header fields, packed': (bytes, random) => pack(changeHeader(bytes, random), random),
  documents: changeDocument,
  packed: pack,
  'several of these': (bytes, random, others) => {
    const ways = [flipBits, splice, repeat, changeHeader, changeHeader, changeDocument, changeDocument]
    return Array.from({ length: 2 + random.next(4) }, () => random.of(ways)).reduce<Buffer>(
      (changed, way) => way(changed, random, others),
      bytes,
    )
  },
}
