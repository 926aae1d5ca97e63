import { createHash } from 'node:crypto'
import { DockerIpfsError } from '../errors.ts'
import { type Bytes, digestOf } from '../streams.ts'

/**
 * Passes a stream on and keeps its last piece back until all of it has the digest and size it must have: who reads it can
 * never have the whole of wrong bytes.
 * @throws INTEGRITY
 */
export async function* verified(
  source: Bytes,
  { digest, size, what }: { readonly digest: string; readonly size: number; readonly what: string },
): Bytes {
  const hash = createHash('sha256')
  let held: Uint8Array | undefined
  for await (const bytes of ofSize(source, { size, what })) {
    hash.update(bytes)
    if (held !== undefined) yield held
    held = bytes
  }
  const found = digestOf(hash)
  if (found !== digest) throw mismatch(`${what} has digest ${found}, but should have ${digest}`)
  if (held !== undefined) yield held
}

/**
 * Passes on a stream that must be so long.
 * @throws INTEGRITY before a byte that is too much, and at an end that comes early
 */
export async function* ofSize(source: Bytes, { size, what }: { readonly size: number; readonly what: string }): Bytes {
  let seen = 0
  for await (const bytes of source) {
    if (bytes.length === 0) continue
    seen += bytes.length
    if (seen > size) throw mismatch(`${what} has more than the ${size} bytes it should have`)
    yield bytes
  }
  if (seen !== size) throw mismatch(`${what} has ${seen} bytes, but should have ${size}`)
}

function mismatch(message: string): DockerIpfsError {
  return new DockerIpfsError('INTEGRITY', message, {
    hint: 'Nothing of it was given to the engine as complete. Fetch the image from another node.',
  })
}
