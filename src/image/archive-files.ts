import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { extract, type Header } from 'tar-stream'
import { DockerIpfsError, messageOf } from '../errors.ts'
import type { Bytes } from '../streams.ts'
import { ANY_FORMAT } from './archive.ts'
import { plainTar } from './tar/plain.ts'

/** An entry of a layer. */
export interface LayerFile {
  /** Without slashes at its ends. */
  readonly path: string
  readonly isDirectory: boolean
  /** Bytes of its contents. */
  readonly size: number
  /** Equal for entries that are the same but for their times: type, mode, owner, link and contents. */
  readonly state: string
}

/**
 * The entries of a layer tar as they stream by; contents are hashed.
 * @throws INTEGRITY when it is no tar that can be read
 */
export async function* readLayerFiles(tar: Bytes, what: string): AsyncGenerator<LayerFile> {
  const unpack = extract(ANY_FORMAT)
  const input = Readable.from(plainTar(tar), { objectMode: false })
  input.on('error', (error) => unpack.destroy(error))
  input.pipe(unpack)
  try {
    for await (const entry of unpack) {
      const hash = createHash('sha256')
      for await (const bytes of entry as Bytes) hash.update(bytes)
      yield fileOf(entry.header, hash.digest('base64').slice(0, 24))
    }
  } catch (error) {
    if (error instanceof DockerIpfsError) throw error
    throw new DockerIpfsError('INTEGRITY', `the files of ${what} cannot be read (${messageOf(error)})`, {
      cause: error,
    })
  } finally {
    input.destroy()
    unpack.destroy()
  }
}

function fileOf(header: Header, contents: string): LayerFile {
  const { name, type, size = 0, mode = 0, uid = 0, gid = 0, linkname, devmajor = 0, devminor = 0 } = header
  return {
    path: name.replace(/^(?:\.?\/)+|\/+$/g, ''),
    isDirectory: type === 'directory',
    size,
    state: [type, mode.toString(8), uid, gid, linkname ?? '', devmajor, devminor, contents].join(' '),
  }
}

/** The entry that a tar is cut in, or behind; undefined when there is none before. */
export async function lastEntry(tar: Bytes): Promise<{ readonly path: string; readonly isOpen: boolean } | undefined> {
  const unpack = extract()
  const input = Readable.from(tar, { objectMode: false })
  let failure: unknown
  input.on('error', (error) => {
    failure = error
    unpack.destroy(error)
  })
  input.pipe(unpack)
  let last: { path: string; isOpen: boolean } | undefined
  try {
    for await (const entry of unpack) {
      last = { path: entry.header.name, isOpen: true }
      for await (const _ of entry);
      last = { path: entry.header.name, isOpen: false }
    }
  } catch {
    // Being cut is no error here.
  } finally {
    input.destroy()
    unpack.destroy()
  }
  if (failure !== undefined) throw failure
  return last
}
