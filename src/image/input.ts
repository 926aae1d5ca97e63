import { createReadStream } from 'node:fs'
import { lstat, readdir, realpath, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DockerIpfsError, messageOf } from '../errors.ts'
import { abortable, type Bytes } from '../streams.ts'
import { type ArchiveEntry, readArchive } from './archive.ts'
import { HEAD_BYTES, isTar, packingOf, peek, unpack } from './decompress.ts'
import { noArchive } from './other-kinds.ts'

/** Images from a file: an archive of `docker save` or in the OCI form, packed with gzip or zstd or not, or an OCI layout folder. */
export interface ImageInput {
  /** For messages. */
  readonly name: string
  /** Whether it can be read more than once; a pipe cannot. */
  readonly again: boolean
  /** @throws FILE_FAILED, ARCHIVE_INVALID */
  entries(): AsyncIterable<ArchiveEntry>
}

/** Files of one folder of an OCI layout. */
const MAX_FILES = 100_000

/**
 * Looks at what is to be read.
 * @throws FILE_FAILED when there is no such file; ARCHIVE_INVALID for a folder that is no OCI layout
 */
export async function openInput(path: string, signal: AbortSignal): Promise<ImageInput> {
  const info = await stat(path).catch((cause: unknown) => {
    throw fileFailed(path, cause)
  })
  if (!info.isDirectory()) {
    return { name: path, again: info.isFile(), entries: () => archiveEntries(fileBytes(path), signal, path) }
  }
  const isLayout = await stat(join(path, 'index.json')).then(
    () => true,
    () => false,
  )
  if (!isLayout) throw new DockerIpfsError('ARCHIVE_INVALID', `${path} is no OCI image layout: it has no index.json`)
  return { name: path, again: true, entries: () => folderEntries(path, signal) }
}

/** What comes through a pipe. */
export function pipedInput(bytes: Bytes, signal: AbortSignal): ImageInput {
  return { name: 'the standard input', again: false, entries: () => archiveEntries(bytes, signal, 'the archive') }
}

async function* archiveEntries(bytes: Bytes, signal: AbortSignal, name: string): AsyncGenerator<ArchiveEntry> {
  const { head, all } = await peek(abortable(bytes, signal), HEAD_BYTES)
  const packing = packingOf(head)
  const tar = await peek(unpack(all, packing, { what: `the ${packing} archive`, code: 'ARCHIVE_INVALID' }), HEAD_BYTES)
  if (!isTar(tar.head)) throw noArchive(name, tar.head)
  yield* readArchive(tar.all)
}

async function* fileBytes(path: string): Bytes {
  try {
    yield* createReadStream(path, { highWaterMark: READ_BYTES }) as AsyncIterable<Uint8Array>
  } catch (cause) {
    throw fileFailed(path, cause)
  }
}

const READ_BYTES = 256 * 1024

/** The top of an OCI layout and its blobs; nothing else is looked at, and no link is followed out of the folder. */
async function* folderEntries(folder: string, signal: AbortSignal): AsyncGenerator<ArchiveEntry> {
  for (const name of ['oci-layout', 'index.json', 'manifest.json', 'repositories']) {
    yield* folderEntry(folder, name, signal)
  }
  const blobs = await readdir(join(folder, 'blobs', 'sha256')).catch((cause: unknown) => {
    throw new DockerIpfsError('ARCHIVE_INVALID', `${folder} is no OCI image layout: it has no blobs`, { cause })
  })
  if (blobs.length > MAX_FILES) throw new DockerIpfsError('ARCHIVE_INVALID', `${folder} has ${blobs.length} blobs`)
  for (const name of blobs.sort()) yield* folderEntry(folder, `blobs/sha256/${name}`, signal)
}

async function* folderEntry(folder: string, path: string, signal: AbortSignal): AsyncGenerator<ArchiveEntry> {
  const file = await inFolder(folder, path)
  const info = file === undefined ? undefined : await lstat(file)
  if (file === undefined || !info?.isFile()) return
  yield { path, size: info.size, linkTarget: undefined, body: abortable(fileBytes(file), signal) }
}

/**
 * Where a file of a folder is, behind links; undefined where there is none.
 * @throws ARCHIVE_INVALID where a link leads out of the folder: what is there was not given to us
 */
async function inFolder(folder: string, path: string): Promise<string | undefined> {
  const [top, file] = await Promise.all([realpath(folder), realpath(join(folder, path)).catch(() => undefined)])
  if (file === undefined || file.startsWith(`${top}/`)) return file
  throw new DockerIpfsError(
    'ARCHIVE_INVALID',
    `${path} of ${folder} is a link to ${file}, which is not in that folder`,
    {
      hint: 'Copy the folder with what its links lead to: cp -rL FOLDER COPY',
    },
  )
}

/** In docker's words: `open x.tar: no such file or directory`. */
export function fileFailed(path: string, cause: unknown): DockerIpfsError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  return new DockerIpfsError('FILE_FAILED', `open ${path}: ${WORDS[code] ?? messageOf(cause)}`, { cause })
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EISDIR: 'is a directory',
  ENOTDIR: 'not a directory',
  ENOSPC: 'no space left on device',
}

/**
 * Where a file is to be written: behind links, as writing into it would be.
 * @throws FILE_FAILED for a folder, a device and the like
 */
export async function outputFile(path: string): Promise<string> {
  const info = await stat(path).catch(() => undefined)
  if (info === undefined) {
    const folder = await stat(dirname(path)).catch(() => undefined)
    if (folder?.isDirectory()) return path
    throw new DockerIpfsError('FILE_FAILED', `invalid output path: directory "${dirname(path)}" does not exist`)
  }
  if (info.isFile()) return realpath(path)
  throw new DockerIpfsError('FILE_FAILED', `invalid output path: "${path}" is no regular file`)
}
