import type { Checked } from '../copies/remotes/check.ts'
import { type Finding, ok, warn } from './finding.ts'

const TODO = 'Nothing is handed to it, and what it keeps does not count, until it answers.'

/** Nothing where there are none: commands do without them. */
export function examineRemotes(remotes: readonly Checked[]): Finding[] {
  return remotes.map(({ name, is, fault }) => {
    const place = { part: 'remote', check: name } as const
    return fault === undefined ? ok(place, is) : warn(place, fault, TODO)
  })
}
