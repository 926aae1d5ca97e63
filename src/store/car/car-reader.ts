import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { blockKey, checkBlock } from '../../dag/blocks.ts'
import { deltaBase } from '../../dag/car.ts'
import { CarSections, invalidCar } from '../../dag/car-sections.ts'
import type { CID } from '../../dag/cid.ts'
import { DockerIpfsError } from '../../errors.ts'
import { abortable, type Bytes } from '../../streams.ts'
import { openTemp, tempFailed, writeAll } from './temp-file.ts'

/** A CAR file whose blocks can be had one by one. */
export interface CarFile {
  readonly name: string
  readonly roots: readonly CID[]
  /** Where it holds only what another image lacks: that image's root. */
  readonly since: CID | undefined
  has(cid: CID): boolean
  /** @throws INTEGRITY when the file has changed meanwhile */
  block(cid: CID): Promise<Uint8Array | undefined>
  close(): Promise<void>
}

/** Bytes of one CID and block; nodes exchange none larger than 2 MiB. */
const MAX_SECTION = 4 * 1024 * 1024
/** Blocks of one file: a place in memory is kept for each. */
const MAX_BLOCKS = 4_000_000
const READ_BYTES = 1024 * 1024

/**
 * Reads a CARv1 file through once: every block in it must match its CID. Kept in memory is where each of them is. What is
 * no regular file goes into a temp file without a name first.
 * @throws ARCHIVE_INVALID, INTEGRITY, and what opening a file throws
 */
export async function openCar(path: string, signal: AbortSignal): Promise<CarFile> {
  const handle = await open(path, 'r')
  let keep = false
  try {
    if (!(await handle.stat()).isFile()) {
      return await spoolCar(handle.createReadStream({ autoClose: false }), path, signal)
    }
    const car = await readCar(handle, path, signal)
    keep = true
    return car
  } finally {
    if (!keep) await handle.close()
  }
}

/** The same for what comes through a pipe. */
export async function spoolCar(bytes: Bytes, name: string, signal: AbortSignal): Promise<CarFile> {
  const handle = await openTemp()
  try {
    let size = 0
    for await (const part of abortable(bytes, signal)) {
      await writeAll(handle, part, size).catch((cause) => {
        throw tempFailed(tmpdir(), cause)
      })
      size += part.length
    }
    return await readCar(handle, name, signal)
  } catch (error) {
    await handle.close()
    throw error
  }
}

interface BlockPosition {
  readonly offset: number
  readonly length: number
}

async function readCar(handle: FileHandle, name: string, signal: AbortSignal): Promise<CarFile> {
  const payload = await payloadOf(handle, name)
  const sections = new CarSections({ name, maxSection: MAX_SECTION, more: readerOf(handle, payload) })
  const roots = await sections.roots()
  const places = new Map<string, BlockPosition>()
  let since: CID | undefined
  for (;;) {
    signal.throwIfAborted()
    const block = await sections.next()
    if (block === undefined) break
    const { cid, bytes } = block
    check(cid, bytes, name)
    if (places.size === 0) since = deltaBase(block)
    places.set(blockKey(cid), { offset: payload.from + sections.position - bytes.length, length: bytes.length })
    if (places.size > MAX_BLOCKS) throw invalidCar(name, `it has more than ${MAX_BLOCKS} blocks`)
  }
  return {
    name,
    roots,
    since,
    has: (cid) => places.has(blockKey(cid)),
    async block(cid) {
      const place = places.get(blockKey(cid))
      if (place === undefined) return undefined
      const bytes = Buffer.allocUnsafe(place.length)
      const { bytesRead } = await handle.read(bytes, 0, place.length, place.offset)
      check(cid, bytes.subarray(0, bytesRead), name)
      return bytes
    },
    close: () => handle.close(),
  }
}

/** The part of a file that is a CARv1. */
interface CarPayload {
  readonly from: number
  readonly to: number
}

/** How a CARv2 begins; a header of 40 bytes follows. Source: https://ipld.io/specs/transport/car/carv2/ */
const CARV2_PRAGMA = Buffer.from('0aa16776657273696f6e02', 'hex')
const CARV2_HEADER = 40

/**
 * All of a CARv1; of a CARv2 what its header says is one. Its index is not read: each block is looked at once anyway.
 * @throws ARCHIVE_INVALID
 */
async function payloadOf(handle: FileHandle, name: string): Promise<CarPayload> {
  const head = Buffer.alloc(CARV2_PRAGMA.length + CARV2_HEADER)
  const { bytesRead } = await handle.read(head, 0, head.length, 0)
  if (!head.subarray(0, CARV2_PRAGMA.length).equals(CARV2_PRAGMA)) return { from: 0, to: Number.POSITIVE_INFINITY }
  const [offset, size] = [16, 24].map((at) => Number(head.readBigUInt64LE(CARV2_PRAGMA.length + at)))
  const { size: fileSize } = await handle.stat()
  const isInside = offset !== undefined && size !== undefined && offset >= head.length && offset + size <= fileSize
  if (bytesRead < head.length || !isInside) throw invalidCar(name, 'its CARv2 header leads out of it')
  return { from: offset, to: offset + size }
}

/** Reads a part of a file on, from its beginning. */
function readerOf(handle: FileHandle, { from, to }: CarPayload): () => Promise<Uint8Array> {
  let at = from
  return async () => {
    const next = Buffer.allocUnsafe(READ_BYTES)
    const { bytesRead } = await handle.read(next, 0, Math.min(READ_BYTES, to - at), at)
    at += bytesRead
    return next.subarray(0, bytesRead)
  }
}

function check(cid: CID, bytes: Uint8Array, name: string): void {
  try {
    checkBlock({ cid, bytes })
  } catch (cause) {
    throw new DockerIpfsError('INTEGRITY', `${name}: the block ${cid} does not match its CID`, {
      cause,
      hint: 'The file is damaged: copy it again, and compare its checksum.',
    })
  }
}
