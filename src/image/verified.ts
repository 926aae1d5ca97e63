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
  let seen = 0
  let held: Uint8Array | undefined
  for await (const bytes of source) {
    if (bytes.length === 0) continue
    seen += bytes.length
    if (seen > size) throw mismatch(`${what} has more than the ${size} bytes it should have`)
    hash.update(bytes)
    if (held !== undefined) yield held
    held = bytes
  }
  if (seen !== size) throw mismatch(`${what} has ${seen} bytes, but should have ${size}`)
  const found = digestOf(hash)
  if (found !== digest) throw mismatch(`${what} has digest ${found}, but should have ${digest}`)
  if (held !== undefined) yield held
}

function mismatch(message: string): DockerIpfsError {
  return new DockerIpfsError('INTEGRITY', message, {
    hint: 'Nothing of it was given to the engine as complete. Fetch the image from another node.',
  })
}
