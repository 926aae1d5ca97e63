import { randomUUID } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A temp file that has no name: nothing can be left of it, whatever happens. */
export async function openTemp(): Promise<FileHandle> {
  const path = join(tmpdir(), `docker-ipfs-${randomUUID()}.tmp`)
  const handle = await open(path, 'wx+', 0o600)
  await rm(path)
  return handle
}

/** Writes all bytes at an offset of a file. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done)
    done += bytesWritten
  }
}
