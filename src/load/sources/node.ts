import type { CID } from '../../dag/cid.ts'
import { fetchAhead, LayerFetch } from '../../read/fetch.ts'
import { type ImageLayer, layersIn, type ReadLayer } from '../../read/layers.ts'
import { type LayerReader, readAhead } from '../../read/read-ahead.ts'
import { Seeker, type SeekOptions } from '../../read/seek.ts'
import type { ReadLimits } from '../../read/stall.ts'
import type { BlockStore, OwnFiles } from '../../store/blocks.ts'
import type { Pins } from '../../store/pins.ts'
import type { Traffic } from '../../store/traffic.ts'
import type { LoadSource } from '../source.ts'
import { type KeepOptions, KeptImage } from './kept-image.ts'
import { knownBlobs } from './known-blobs.ts'

export interface NodeSourceOptions extends KeepOptions, SeekOptions {
  readonly blocks: BlockStore
  readonly pins: Pins
  readonly traffic: Traffic
}

/** The node. What it lacks it gets from other nodes first, layer by layer, and is read behind that. */
export function nodeSource(root: CID, options: NodeSourceOptions): LoadSource {
  const { blocks, signal, timeoutMs } = options
  const kept = new KeptImage(root, options)
  const seeker = new Seeker([root], options)
  let fetch: LayerFetch | undefined
  // Once: where the node's files can be read is found out by asking.
  let files: OwnFiles | undefined
  const ownFiles = () => {
    files ??= blocks.ownFiles(signal)
    return files
  }
  return {
    root,
    blocks: seeker.over(blocks),
    ahead: (blobs, limited) => fetchAhead(blobs, blocks, limited),
    async pin(image) {
      if (!(await kept.isPinned())) fetch = new LayerFetch(image, { ...options, seeker })
      return kept.pin(() => timeoutMs, seeker, fetch)
    },
    knownBlobs: (image, ids) => knownBlobs(image, ids, options),
    isAtHand: () => fetch === undefined,
    openLayers(image, layers) {
      const read = layersIn(ownFiles(), root)
      if (fetch === undefined) return readAhead(image, layers, { ...options, read, from: 'node' })
      return readBehind(fetch, layers, { ...options, root, read })
    },
    loaded: (image, outcome) => kept.loaded(image, outcome),
  }
}

interface BehindOptions extends ReadLimits {
  readonly root: CID
  readonly read: ReadLayer
}

/** Reads layers as they come to the node. */
function readBehind(fetch: LayerFetch, layers: readonly ImageLayer[], options: BehindOptions): LayerReader {
  const following = fetch.follow(layers, options.read)
  const reader = readAhead(options, layers, { ...options, read: following.read, from: 'arriving' })
  return {
    blob: reader.blob,
    close() {
      reader.close()
      following.close()
    },
  }
}
