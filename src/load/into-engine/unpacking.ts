import type { Report } from '../../events.ts'
import type { ImageLayer } from '../../read/layers.ts'
import { shortDigest } from '../../units.ts'
import { layersToSend, type Step } from './steps.ts'

/** Tells what an engine does with an archive that it has all of. */
export class Unpacking {
  readonly #layers: ReadonlyMap<string, ImageLayer>
  readonly #plain: boolean
  readonly #report: Report
  readonly #begun = new Set<string>()

  /**
   * @param plain the layers are sent uncompressed
   * @param digestOf what the engine calls a layer by
   */
  constructor(step: Step, plain: boolean, report: Report, digestOf = ({ diffId }: ImageLayer) => diffId) {
    this.#plain = plain
    this.#layers = new Map(layersToSend(step).map((layer) => [shortDigest(digestOf(layer)), layer]))
    this.#report = report
  }

  /** The engine's figures: the first digits of a digest, and bytes of that layer, as it was sent. */
  tell(id: string, bytesDone: number): void {
    const layer = this.#layers.get(id)
    if (layer === undefined) return
    const { diffId } = layer
    const size = this.#sizeOf(layer)
    if (!this.#begun.has(id)) this.#report({ type: 'layer-start', layer: diffId, bytesTotal: size, doing: DOING })
    this.#begun.add(id)
    this.#report({ type: 'layer-progress', layer: diffId, bytesDone: Math.min(bytesDone, size) })
  }

  #sizeOf({ size, tarSize }: ImageLayer): number {
    return this.#plain ? tarSize : size
  }

  /** Nothing has come for a while. Containerd stores give no figures: then it is all of the layers, without. */
  tellLate(isLast: boolean): void {
    if (isLast) this.#report({ type: 'step', text: DOING })
    if (this.#begun.size > 0) return
    for (const { diffId } of this.#layers.values()) {
      this.#report({ type: 'layer-start', layer: diffId, bytesTotal: undefined, doing: DOING })
    }
  }

  /** The engine has answered. */
  tellOver(said: string): void {
    if (COMPLAINT.test(said)) return
    for (const layer of this.#layers.values()) {
      this.#report({ type: 'layer-waits', layer: layer.diffId, status: 'Unpacked', bytesDone: this.#sizeOf(layer) })
    }
  }
}

const DOING = 'Unpacking'

/** What a containerd store says that could not do it, and did not call that an error. */
export const COMPLAINT = /^Error unpacking image.*$/m
