import type { BlockStream } from './block-stream.ts'
import { BLOCK, readNumber } from './fields.ts'

/** A sparse file: where its data stands in it, in order. All are bytes. */
export interface SparseMap {
  /** What the file is called, where its header has another name. */
  readonly name: string | undefined
  /** Of the file with its holes. */
  readonly size: number
  /** Of the data that follows. */
  readonly stored: number
  readonly parts: readonly Part[]
}

interface Part {
  readonly offset: number
  readonly length: number
}

/** A map is kept in memory. */
const MAX_PARTS = 100_000

/** In the form of old GNU tar: four parts in the header, and 21 in each block behind it. */
export async function sparseOfHeader(header: Uint8Array, stored: number, input: BlockStream): Promise<SparseMap> {
  const parts: Part[] = partsIn(header, 386, 4)
  for (let isExtended = header[482]; isExtended; ) {
    const block = await input.take(BLOCK)
    if (block.length < BLOCK || parts.length > MAX_PARTS) throw new Error('a sparse map does not end')
    parts.push(...partsIn(block, 0, 21))
    isExtended = block[504]
  }
  return { name: undefined, size: number(readNumber(header, 483, 12)), stored, parts }
}

function partsIn(block: Uint8Array, at: number, count: number): Part[] {
  const parts: Part[] = []
  for (let each = 0; each < count; each += 1) {
    const place = at + 24 * each
    // An empty field ends them.
    if (block[place + 12] === 0) break
    parts.push({ offset: number(readNumber(block, place, 12)), length: number(readNumber(block, place + 12, 12)) })
  }
  return parts
}

/**
 * In one of the pax forms: 0.0 has a record for each number, 0.1 has all of them in one, 1.0 has them before the data. Undefined for a
 * file that is none. Source: GNU tar's manual, "Storing Sparse Files".
 */
export async function sparseOfPax(
  values: ReadonlyMap<string, string>,
  records: readonly (readonly [key: string, value: string])[],
  stored: number,
  input: BlockStream,
): Promise<SparseMap | undefined> {
  const name = values.get('GNU.sparse.name')
  const size = values.get('GNU.sparse.realsize') ?? values.get('GNU.sparse.size')
  if (size === undefined) return undefined
  const total = number(Number(size))
  if (values.get('GNU.sparse.major') === '1') {
    const { numbers, bytes } = await numbersBefore(input, stored)
    return { name, size: total, stored: stored - bytes, parts: pairs(numbers) }
  }
  const map = values.get('GNU.sparse.map')
  if (map !== undefined)
    return { name, size: total, stored, parts: pairs(map === '' ? [] : map.split(',').map(Number)) }
  const each = records.filter(([key]) => key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes')
  return { name, size: total, stored, parts: pairs(each.map(([, value]) => Number(value))) }
}

/** How many parts there are, then their numbers, a line each, padded to a block. */
async function numbersBefore(input: BlockStream, stored: number) {
  let [text, bytes] = ['', 0]
  for (;;) {
    const lines = text.split('\n')
    const count = lines.length > 1 ? number(Number(lines[0])) : undefined
    if (count !== undefined && count > MAX_PARTS) throw new Error('a sparse map does not end')
    if (count !== undefined && lines.length > 2 * count + 1) {
      return { numbers: lines.slice(1, 2 * count + 1).map(Number), bytes }
    }
    const block = await input.take(BLOCK)
    bytes += block.length
    if (block.length < BLOCK || bytes > stored) throw new Error('a sparse map does not end')
    text += Buffer.from(block).toString('latin1')
  }
}

function pairs(numbers: readonly number[]): Part[] {
  if (numbers.length > 2 * MAX_PARTS) throw new Error('a sparse map does not end')
  const parts: Part[] = []
  for (let at = 0; at + 1 < numbers.length; at += 2) {
    parts.push({ offset: number(numbers[at] as number), length: number(numbers[at + 1] as number) })
  }
  return parts
}

function number(value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new Error('a sparse map has no number where one should be')
}
