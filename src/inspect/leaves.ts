import { zstdDecompressSync } from 'node:zlib'
import { isLeaf, type Link, partsOf } from '../dag/blocks.ts'
import type { CID } from '../dag/cid.ts'
import { AT_ONCE, depthFirst } from '../dag/walk.ts'
import { hasCode } from '../errors.ts'
import { FORMAT } from '../format/numbers.ts'
import { lastEntry } from '../image/archive-files.ts'
import type { Blocks } from '../store/blocks.ts'
import { type Bytes, mapInOrder } from '../streams.ts'

interface LeafOptions {
  readonly blocks: Pick<Blocks, 'ownBlock'>
  readonly signal: AbortSignal
}

/** A block of a blob, and where in it it stands, in bytes. */
interface LeafPlace extends Link {
  readonly offset: number
  /** What is wrong with it: a node that cannot be read has nothing below it. */
  readonly fault?: string
}

interface Piece extends LeafPlace {
  /** What is wrong with it, or its bytes. */
  readonly found: Uint8Array | string
}

/** Faults that are told one by one. */
const MAX_FAULTS = 10

/**
 * Which blocks of a layer blob are lost or damaged, and where they are: in the blob, and for the first of them in the tar, and in which file.
 * Looks at the node's own repository alone. None where every block is what its CID says.
 * @throws NODE_*
 */
export async function findDamage(blob: CID, size: number, parts: LeafOptions): Promise<string[]> {
  const faults: string[] = []
  let more = 0
  for await (const piece of piecesOf({ cid: blob, size }, parts)) {
    if (typeof piece.found !== 'string') continue
    if (faults.length === MAX_FAULTS) more += 1
    else faults.push(await describe(piece, faults.length === 0, { cid: blob, size }, parts))
  }
  return more === 0 ? faults : [...faults, `${more} more of its blocks are lost or damaged`]
}

async function describe(piece: Piece, isFirst: boolean, blob: Link, parts: LeafOptions): Promise<string> {
  const { cid, offset, size, found } = piece
  const place = `bytes ${offset} to ${offset + size - 1} of the blob`
  return `the block ${cid} ${found}: ${place}${isFirst ? await placeInTar(offset, blob, parts) : ''}`
}

/** The leaves of a blob, and nodes in whose place nothing can be read, in order. */
async function* piecesOf(blob: Link, parts: LeafOptions): AsyncGenerator<Piece> {
  const look = async (place: LeafPlace) => ({ ...place, found: place.fault ?? (await read(place.cid, parts)) })
  yield* mapInOrder(placesOf(blob, parts), AT_ONCE, look)
}

async function* placesOf(blob: Link, parts: LeafOptions): AsyncGenerator<LeafPlace> {
  for await (const place of depthFirst<LeafPlace>({ ...blob, offset: 0 }, (node) => below(node, parts))) {
    if (place.fault !== undefined || isLeaf(place.cid)) yield place
  }
}

async function below(node: LeafPlace, parts: LeafOptions): Promise<LeafPlace[]> {
  if (node.fault !== undefined) return []
  const found = await read(node.cid, parts)
  const links = typeof found === 'string' ? undefined : partsOf({ cid: node.cid, bytes: found })
  if (links === undefined) return [{ ...node, fault: typeof found === 'string' ? found : 'is no node of a file' }]
  let at = node.offset
  return links.map((link) => {
    const place = { ...link, offset: at }
    at += link.size
    return place
  })
}

async function read(cid: CID, { blocks, signal }: LeafOptions): Promise<Uint8Array | string> {
  try {
    return (await blocks.ownBlock(cid, signal)) ?? 'is not on the node'
  } catch (error) {
    if (hasCode(error, 'INTEGRITY')) return 'does not match its CID'
    throw error
  }
}

/** Where in the tar a block of frames begins: what is before it is whole. */
async function placeInTar(offset: number, blob: Link, parts: LeafOptions): Promise<string> {
  let size = 0
  async function* before(): Bytes {
    for await (const piece of piecesOf(blob, parts)) {
      if (piece.offset >= offset || typeof piece.found === 'string') return
      const bytes = zstdDecompressSync(piece.found, { maxOutputLength: 2 * FORMAT.groupMax })
      size += bytes.length
      yield bytes
    }
  }
  try {
    const entry = await lastEntry(before())
    const where = entry === undefined ? '' : entry.isOpen ? `, in ${entry.path}` : `, behind ${entry.path}`
    return `, from byte ${size} of the tar${where}`
  } catch {
    // The frames before it are no frames of ours.
    return ''
  }
}
