import type { Denied } from '../store/kubo/health/health.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** What cannot be done without a right. */
const WITHOUT: Readonly<Record<Denied['right'], string>> = {
  read: 'images cannot be read: load, pull and verify fail',
  save: 'images cannot be saved or pushed',
  pin: 'images that are loaded are not pinned, and rm fails',
  catalogue: 'images that are saved get no name, and ls and rm fail',
  publish: 'publish, key and names of others fail',
  announce: 'nobody is told what is pushed, nor asked who has an image',
  figures: 'it does not tell what it stores and fetches',
  collect: 'prune fails',
  copies: 'nothing can be handed to other places, and copies fails',
}

/** Both ways of an image; the rest is less than all of it. */
const WAYS: readonly Denied['right'][] = ['read', 'save']

/** What the node allows, of all that commands ask of it. */
export function rightsOf(denied: readonly Denied[]): Finding[] {
  const place = { part: 'node', check: 'rights' } as const
  if (denied.length === 0) return [ok(place, 'it allows all that commands ask of it')]
  return denied.map(({ right, calls, todo }) => {
    const found = `${WITHOUT[right]}: it does not allow ${calls.join(', ')}`
    return WAYS.includes(right) ? fail(place, found, todo) : warn(place, found, todo)
  })
}
