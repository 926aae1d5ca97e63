import type { Rules } from '../catalogue/rules.ts'
import { hasCode, messageOf } from '../errors.ts'
import type { Report } from '../events.ts'
import { fullName } from '../image/name.ts'
import type { KeptRoot } from './images.ts'
import { type Held, type LookAtOptions, Looker } from './look.ts'
import { wantedCopies } from './policy.ts'
import { repair } from './repair.ts'
import { complete, isHurt, type Seen } from './seen.ts'

export interface LookAfterOptions extends LookAtOptions {
  readonly rules: Rules
  readonly report: Report
  /** Whether what is not right is put right. */
  readonly repairs: boolean
}

/** What came of an image. */
export interface LookedAfter {
  readonly image: KeptRoot
  readonly seen: readonly Seen[]
  /** Complete copies that it is to have, and has. */
  readonly wanted: number
  readonly found: number
  /** It has them, and no copy is hurt. */
  readonly isWell: boolean
}

/**
 * Looks at the copies of images, one image after the other, and puts right what is not, where that is wanted: it is looked at again then.
 * @throws NODE_*
 */
export async function* lookAfter(
  images: readonly KeptRoot[],
  held: readonly Held[],
  options: LookAfterOptions,
): AsyncGenerator<LookedAfter> {
  const { rules, repairs, report, signal, stillMs } = options
  const all = await rules.all(signal)
  const looker = new Looker(held, options)
  for (const image of images) {
    const { root, names } = image
    const wanted =
      wantedCopies(
        all,
        names.map((name) => fullName(name) ?? name),
      ) ?? 1
    const judge = (seen: readonly Seen[]): LookedAfter => {
      const found = complete(seen)
      return { image, seen, wanted, found, isWell: found >= wanted && !seen.some(isHurt) }
    }
    let judged = judge(await looker.look(root))
    if (repairs && !judged.isWell) {
      report({ type: 'step', text: `Repairing ${image.shown}` })
      await repair(
        root,
        names[0] ?? PIN_NAME,
        { held, seen: judged.seen, wanted },
        { report, signal, stillMs, wait: true },
      ).catch((error: unknown) => {
        // The others may fare better.
        if (!hasCode(error, 'COPIES_MISSING')) throw error
        report({ type: 'warning', text: `${image.shown}: ${messageOf(error)}` })
      })
      judged = judge(await looker.look(root))
    }
    yield judged
  }
}

/** What the pin of an image without a name is called. */
const PIN_NAME = 'docker-ipfs'
