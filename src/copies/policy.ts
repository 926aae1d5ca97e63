import type { Rule } from '../catalogue/rules.ts'
import { matches } from '../names/filter.ts'

/**
 * Complete copies that an image is to have: what the rules with a pattern say of any of its names, the most of them; else the rule for all.
 * Undefined where no rule is for it.
 * @param names full names; none for an image without one
 */
export function wantedCopies(rules: readonly Rule[], names: readonly string[]): number | undefined {
  const own = rules.filter(({ pattern }) => pattern !== undefined && names.some((name) => matches(name, pattern)))
  const found = own.length > 0 ? own : rules.filter(({ pattern }) => pattern === undefined)
  return found.length === 0 ? undefined : Math.max(...found.map(({ copies }) => copies))
}
