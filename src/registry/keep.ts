import { CATALOGUE_MS, type Catalogue } from '../catalogue/catalogue.ts'
import { writeImageRecord } from '../catalogue/records.ts'
import { imageSize } from '../dag/sizes.ts'
import { messageOf } from '../errors.ts'
import type { Report } from '../events.ts'
import { pinAfter } from '../load/pin.ts'
import type { WholeImage } from '../read/open-image.ts'
import type { Seeker } from '../read/seek.ts'
import type { BlockStore } from '../store/blocks.ts'
import type { Pins } from '../store/pins.ts'
import { within } from '../time.ts'

export interface KeepOptions {
  readonly blocks: Pick<BlockStore, 'ownBlock'>
  readonly pins: Pick<Pins, 'pin' | 'isPinned' | 'unpin'>
  readonly catalogue: Pick<Catalogue, 'add'>
  readonly report: Report
  /** Aborted, nothing stays pinned. */
  readonly signal: AbortSignal
  /** For how long the pin may bring nothing, in milliseconds. */
  readonly patienceMs: number
  readonly seeker: Pick<Seeker, 'during'>
}

/**
 * Keeps an image that was read from others, as a load does: pinned, and in the catalogue by its IDs. A node that cannot keep it is worth a
 * warning.
 * @throws the signal's reason
 */
export async function keep(image: WholeImage, options: KeepOptions): Promise<void> {
  const { pins, report, signal, patienceMs, seeker } = options
  const [{ root }] = image.platforms as [WholeImage['platforms'][number]]
  const pin = pinAfter(root, { pins, signal, patienceMs: () => patienceMs, seeker, fetch: undefined })
  try {
    if (await pin.done(report)) await remember(image, options)
  } catch (error) {
    await pin.undo(error)
    throw error
  }
}

/** Engines call it by the digest of its config, or of its manifest; of several platforms by that of their index alone. */
async function remember(image: WholeImage, { blocks, catalogue, report, signal }: KeepOptions): Promise<void> {
  const [first] = image.platforms as [WholeImage['platforms'][number]]
  const { root, configDigest, config } = first
  const imageIds = image.index === undefined ? [configDigest, image.digest] : [image.digest]
  try {
    await within(CATALOGUE_MS, signal, async (limited) => {
      const size = await imageSize(root, { blocks, signal: limited })
      const record = writeImageRecord({
        root: root.toString(),
        configDigest,
        names: [],
        imageIds,
        layers: image.platforms.flatMap(({ layers }) => layers.map(({ diffId }) => diffId)),
        savedAt: new Date().toISOString(),
        manifestDigest: image.digest,
        created: config.created,
        ...(size === undefined ? {} : { size }),
      })
      await catalogue.add({ root, record, layers: new Map() }, limited)
    })
  } catch (error) {
    if (signal.aborted) throw signal.reason
    report({ type: 'warning', text: `${root} is pinned, but not in the node's catalogue: ${messageOf(error)}` })
  }
}
