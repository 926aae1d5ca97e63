import { posix } from 'node:path'
import { Readable } from 'node:stream'
import { extract } from 'tar-stream'
import { DockerIpfsError, messageOf } from '../errors.ts'
import type { Bytes } from '../streams.ts'
import { saysLacking } from './saved/lacking.ts'
import { plainTar } from './tar/plain.ts'

/** A file of an archive. Its body must be read, or left, before the next entry is asked for. */
export interface ArchiveEntry {
  /** Path inside the archive without a leading "./" or "/". */
  readonly path: string
  /** Bytes; undefined for a layer that is still being written. */
  readonly size: number | undefined
  /** Set for a link: the path in the archive that it points at. */
  readonly linkTarget: string | undefined
  readonly body: Bytes
}

/**
 * Reads the files of a tar archive as they stream by. Directories are left out.
 * @throws ARCHIVE_INVALID when it is cut or no tar; the engine's own words where it put them into the stream
 */
export async function* readArchive(source: Bytes): AsyncGenerator<ArchiveEntry> {
  const tail = new Tail()
  const failure = (error: unknown) =>
    error instanceof DockerIpfsError ? error : (tail.engineError() ?? invalid(error))
  const unpack = extract(ANY_FORMAT)
  const input = Readable.from(plainTar(tail.watch(source)), { objectMode: false })
  input.on('error', (error) => unpack.destroy(error))
  input.pipe(unpack)
  try {
    for await (const entry of unpack) {
      const { name, size, type, linkname } = entry.header
      const isLink = type === 'symlink' || type === 'link'
      if (type !== 'file' && !isLink) {
        entry.resume()
        continue
      }
      yield {
        path: pathInArchive(name),
        size: size ?? 0,
        linkTarget: isLink ? targetOf(name, linkname ?? '', type === 'link') : undefined,
        body: failingWith(failure, entry as AsyncIterable<Uint8Array>),
      }
      entry.resume()
    }
  } catch (error) {
    throw failure(error)
  } finally {
    input.destroy()
  }
  const appended = tail.engineError()
  if (appended) throw appended
}

/** An option that the types of tar-stream lack: headers of the seventies, before there was any format, are read too. */
export const ANY_FORMAT: object = { allowUnknownFormat: true }

/** A path as it stands in the archive: `./a`, `/a` and `b/../a` are `a`. */
export function pathInArchive(path: string): string {
  return posix.join('/', path).slice(1)
}

/** A hard link is called from the top of the archive, a symbolic one from its folder. */
function targetOf(path: string, target: string, isHard: boolean): string {
  return pathInArchive(
    isHard || target.startsWith('/') ? target : posix.join(posix.dirname(pathInArchive(path)), target),
  )
}

/** An archive that is cut inside a file is noticed by who reads that file. */
async function* failingWith(failure: (error: unknown) => unknown, body: Bytes): Bytes {
  try {
    yield* body
  } catch (error) {
    throw failure(error)
  }
}

function invalid(cause: unknown): DockerIpfsError {
  return new DockerIpfsError('ARCHIVE_INVALID', `the image archive is cut short or damaged (${messageOf(cause)})`, {
    cause,
  })
}

/**
 * Keeps the end of what streamed by. An engine that fails after it began to answer writes
 * `{"errorDetail":{"message":…}}` behind the archive and still answers 200.
 */
class Tail {
  #last: Uint8Array = new Uint8Array(0)

  async *watch(source: Bytes): Bytes {
    for await (const bytes of source) {
      const end = bytes.subarray(-TAIL_BYTES)
      this.#last = end.length === TAIL_BYTES ? end : Buffer.concat([this.#last, end]).subarray(-TAIL_BYTES)
      yield bytes
    }
  }

  engineError(): DockerIpfsError | undefined {
    const text = Buffer.from(this.#last).toString('utf8').trimEnd()
    const at = text.lastIndexOf('{"errorDetail":')
    if (at < 0) return undefined
    try {
      const value = JSON.parse(text.slice(at)) as { errorDetail?: { message?: unknown } }
      const message = String(value.errorDetail?.message ?? 'no message')
      const stopped = `the Docker engine stopped in the middle of the image: ${message}`
      return saysLacking(message, new Error(stopped)) ?? new DockerIpfsError('ENGINE_FAILED', stopped)
    } catch {
      return undefined
    }
  }
}

const TAIL_BYTES = 4096
