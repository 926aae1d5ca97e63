import { type Finding, fail, ok, warn } from './finding.ts'

const part = 'config'

/** What was made of docker's config.json and the environment. */
export interface ConfigState {
  /** Path of config.json. */
  readonly file: string
  readonly faults: readonly Fault[]
  /** Where a setting comes from, by its name for people. */
  readonly inEffect: readonly string[]
  /** Files with secrets that others than their owner can read. */
  readonly openSecrets: readonly string[]
}

export interface Fault {
  readonly text: string
  /** Something that was said does not hold; else it is only not known. */
  readonly isLost: boolean
}

export function examineConfig({ file, faults, inEffect, openSecrets }: ConfigState): Finding[] {
  const place = { part, check: 'settings' } as const
  const wrong = faults.map(({ text, isLost }) =>
    isLost
      ? fail(place, text, `Mend it in ${file} or in the environment.`)
      : warn(place, text, 'Check its spelling, or take it out.'),
  )
  const open = openSecrets.map((path) =>
    warn({ part, check: 'secret' }, `other users of this machine can read ${path}`, `chmod 600 ${path}`),
  )
  const fine = ok(place, inEffect.length === 0 ? `none set; ${file}` : inEffect.join(', '))
  return [...(wrong.length === 0 ? [fine] : wrong), ...open]
}
