import { randomUUID } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DockerIpfsError, messageOf } from '../../errors.ts'

/**
 * A temp file that has no name: nothing can be left of it, whatever happens.
 * @throws FILE_FAILED
 */
export async function openTemp(folder = tmpdir()): Promise<FileHandle> {
  const path = join(folder, `docker-ipfs-${randomUUID()}.tmp`)
  const handle = await open(path, 'wx+', 0o600).catch((cause) => {
    throw tempFailed(folder, cause)
  })
  await rm(path)
  return handle
}

/** The user has named no such file, so the error says where it is and what chose that place. */
export function tempFailed(folder: string, cause: unknown): DockerIpfsError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const text = `cannot write a temp file in ${folder}: ${WORDS[code] ?? messageOf(cause)}`
  return new DockerIpfsError('FILE_FAILED', text, {
    cause,
    hint: 'Name a folder that has room and may be written to with TMPDIR.',
  })
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'no such folder',
  ENOTDIR: 'it is no folder',
  EACCES: 'permission denied',
  ENOSPC: 'no space left on device',
}

/** Writes all bytes at an offset of a file. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done)
    done += bytesWritten
  }
}
