import { readFileSync } from 'node:fs'
import { parsedObject } from '../json.ts'

type Variables = Readonly<Record<string, string | undefined>>

const NAME = 'DOCKER_IPFS_HANDED'

/** Says to a process that settings come by its standard input: some are secrets, and an environment can be read for as long as it runs. */
export const HANDS_OVER: Variables = { [NAME]: 'stdin' }

/** An environment, with what came by the standard input where it says that something does. Waits for its end. */
export function withHanded(env: Variables, read = () => readFileSync(0, 'utf8')): Variables {
  if (env[NAME] !== HANDS_OVER[NAME]) return env
  const { [NAME]: _, ...others } = env
  const handed = Object.entries(parsedObject(read()) ?? {}).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value] as const] : [],
  )
  return { ...others, ...Object.fromEntries(handed) }
}
