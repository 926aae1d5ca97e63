import type { Catalogue } from '../../catalogue/catalogue.ts'
import type { CID } from '../../dag/cid.ts'
import type { Report } from '../../events.ts'
import type { LayerFetch } from '../../read/fetch.ts'
import type { ImageSource } from '../../read/open-image.ts'
import type { Seeker } from '../../read/seek.ts'
import { ifAllowed } from '../../store/allowed.ts'
import type { Blocks } from '../../store/blocks.ts'
import type { Pins } from '../../store/pins.ts'
import type { Traffic } from '../../store/traffic.ts'
import { couldNotPin, noPin, type PendingPin, PIN_NAME, pinAfter } from '../pin.ts'
import { rememberLoaded } from '../remember.ts'
import type { LoadOutcome } from '../source.ts'
import { startTally, type Tally } from './tally.ts'

export interface KeepOptions {
  readonly blocks: Pick<Blocks, 'ownBlock'>
  readonly pins: Pick<Pins, 'pin' | 'isPinned' | 'unpin'>
  readonly traffic: Pick<Traffic, 'bytesFetched'>
  readonly catalogue: Catalogue
  readonly report: Report
  readonly signal: AbortSignal
  /** Do not pin the image on the node, and do not write it into the catalogue. */
  readonly noPin?: boolean
}

/** An image that a load keeps on the node, wherever its bytes are read: pinned, and in the catalogue. */
export class KeptImage {
  readonly #root: CID
  readonly #options: KeepOptions
  readonly #tally: Tally
  #wasPinned = false

  /** Begins to count what the node fetches. */
  constructor(root: CID, options: KeepOptions) {
    this.#root = root
    this.#options = options
    this.#tally = startTally(options)
  }

  /** Whether the node has all of it already. To be asked before anything is read but the documents. */
  async isPinned(): Promise<boolean> {
    const { pins, signal } = this.#options
    this.#wasPinned = (await ifAllowed(pins.isPinned(this.#root, signal))) === true
    return this.#wasPinned
  }

  /** Begins its pin, where it has none and is to have one; see `pinAfter`. */
  pin(patienceMs: () => number, seeker: Seeker, fetch?: LayerFetch): PendingPin {
    const { pins, signal, noPin: isUnwanted } = this.#options
    if (this.#wasPinned || isUnwanted) return noPin(this.#wasPinned)
    return pinAfter(this.#root, { pins, signal, patienceMs, seeker, fetch })
  }

  /** A removal meanwhile may have taken the pin that was there: what has a name again is to be kept again. */
  async #pinAgain(): Promise<void> {
    const { pins, report, signal } = this.#options
    try {
      if ((await ifAllowed(pins.isPinned(this.#root, signal))) === false) await pins.pin(this.#root, PIN_NAME, signal)
    } catch (error) {
      if (signal.aborted) throw signal.reason
      report(couldNotPin(error))
    }
  }

  /** Writes it into the catalogue, and tells where its bytes were. */
  async loaded(image: ImageSource, outcome: LoadOutcome, gatewayBytes = 0): Promise<void> {
    const { bytesHad, isPinned } = outcome
    if (isPinned && this.#options.noPin !== true) {
      await rememberLoaded(image, outcome, this.#options)
      if (this.#wasPinned) await this.#pinAgain()
    }
    await this.#tally.report(image, { bytesHad, isPinned, wasPinned: this.#wasPinned, gatewayBytes })
  }
}
