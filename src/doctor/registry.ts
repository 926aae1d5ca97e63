import { type Finding, ok, warn } from './finding.ts'

/** What is seen of the registry of this user (src/door/). */
export interface RegistryLook {
  readonly isRunning: boolean
  readonly address?: string
  /** It answers soon. */
  readonly answers?: boolean
  readonly openTo?: 'owner' | 'everybody' | 'token'
  readonly isReadOnly?: boolean
}

const WHO = {
  owner: 'root and whoever started it',
  everybody: 'every user of this machine',
  token: 'whoever has its token',
}

/** Nothing where none runs: commands do without it. */
export function examineRegistry({
  isRunning,
  address,
  answers,
  openTo = 'owner',
  isReadOnly,
}: RegistryLook): Finding[] {
  if (!isRunning) return []
  const reachable = { part: 'registry', check: 'reachable' } as const
  const users = ok({ part: 'registry', check: 'users' }, `${WHO[openTo]} may pull${isReadOnly ? '' : ' and push'}`)
  if (answers) return [ok(reachable, `${address} answers`), users]
  return [warn(reachable, `${address} does not answer`, 'Start it again: docker ipfs registry restart'), users]
}
