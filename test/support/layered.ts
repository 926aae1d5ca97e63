import { parseCid } from '../../src/dag/cid.ts'
import type { ImageSource } from '../../src/read/open-image.ts'
import { digest, GOLDEN_ROOTS } from './images.ts'

const MIB = 1024 * 1024

/** An image whose layers say that their tars are so large, in MiB; the blobs are a few bytes. Equal letters are equal layers. */
export function layeredImage(letters: string, ...sizes: number[]): ImageSource {
  const configBytes = Buffer.from(`config of ${letters}`)
  const layers = [...letters].map((letter, at) => {
    const blob = blobOf(letter)
    const tarSize = (sizes[at] ?? 0) * MIB
    return { digest: digest(blob), size: blob.length, tarSize, diffId: `sha256:${letter.repeat(64)}` }
  })
  return {
    root: parseCid(GOLDEN_ROOTS.tiny),
    isWhole: true,
    manifestBytes: Buffer.from('manifest'),
    manifestDigest: digest(Buffer.from('manifest')),
    configBytes,
    configDigest: digest(configBytes),
    config: {
      os: 'linux',
      architecture: 'amd64',
      variant: '',
      created: '',
      diffIds: layers.map(({ diffId }) => diffId),
    },
    layers,
  }
}

export const blobOf = (letter: string) => Buffer.from(`layer ${letter}`)
const LETTERS = 'abcdef'
const byHex = new Map([...LETTERS].map((letter) => [digest(blobOf(letter)).slice(7), letter]))

/** Which layer has a blob of this digest, or at this path. */
export const letterOf = (blob: string) => byHex.get(blob.split(/[:/]/).at(-1) ?? '') ?? '?'
