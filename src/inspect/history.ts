import type { CID } from '../dag/cid.ts'
import { hexOf } from '../image/canonical.ts'
import { readHistory } from '../image/documents.ts'
import { parsePlatform } from '../image/platform.ts'
import { resolve } from '../names/resolve.ts'
import { openImage } from '../read/open-image.ts'
import { seeking } from '../read/seek.ts'
import { blobsOf } from './describe.ts'
import type { InspectOptions } from './options.ts'

/** A step of the build, the newest first. */
export interface BuildStep {
  readonly created: string
  readonly createdBy: string
  readonly comment: string
  /** Of the layer that it made: bytes of the tar, and of the blob. 0 where it made none. */
  readonly tarSize: number
  readonly size: number
  readonly diffId: string | undefined
  readonly cid: CID | undefined
}

/**
 * How an image was built, as its config tells it, beside the layers that came of it. Of several platforms one must be named.
 * @throws as `describe`
 */
export async function history(reference: string, given: InspectOptions): Promise<BuildStep[]> {
  const asked = given.platform === undefined ? undefined : parsePlatform(given.platform)
  const { root } = await resolve(reference, given)
  const options = seeking([root], given)
  const image = await openImage(root, options, { asked })
  const blobs = await blobsOf(root, options)
  const rest = [...image.layers]
  const entries = readHistory(image.configBytes, { what: `the config of ${root}`, code: 'NOT_AN_IMAGE' })
  const steps = entries.map(({ isEmpty, ...words }): BuildStep => {
    const layer = isEmpty ? undefined : rest.shift()
    return {
      ...words,
      tarSize: layer?.tarSize ?? 0,
      size: layer?.size ?? 0,
      diffId: layer?.diffId,
      cid: layer === undefined ? undefined : blobs.get(hexOf(layer.digest)),
    }
  })
  // Configs without a history, or with a short one, have layers all the same.
  const unnamed = rest.map(({ tarSize, size, diffId, digest }): BuildStep => {
    return { created: '', createdBy: '', comment: '', tarSize, size, diffId, cid: blobs.get(hexOf(digest)) }
  })
  return [...steps, ...unnamed].reverse()
}
