import type { Copy, CopyState, PlaceKind } from '../store/places.ts'

/** A copy of an image, or why nothing can be said of it. */
export interface Seen extends Omit<Copy, 'state'> {
  readonly place: string
  readonly kind: PlaceKind
  /** Whether it counts where it is complete. */
  readonly isTrusted: boolean
  readonly state: CopyState | 'unreachable'
  /** ISO 8601: when the place was asked. */
  readonly checkedAt: string
}

/** Complete copies that count. */
export function complete(seen: readonly Seen[]): number {
  return seen.filter(({ state, isTrusted }) => isTrusted && state === 'complete').length
}

/** Whether something is wrong with a copy that was there. */
export function isHurt({ state }: Seen): boolean {
  return state === 'partial' || state === 'failed'
}

/** A copy in a few words. */
export function inShort({ place, state, isTrusted, lost = [] }: Seen): string {
  const missing = lost.length === 0 ? '' : `, ${lost.length} missing`
  return `${place} ${state}${missing}${isTrusted ? '' : ', untrusted'}`
}
