import { homedir } from 'node:os'

/** The user's home. Where neither HOME nor the list of users has one, as for a number in a container: `/`, as docker sets it there. */
export function homeOf(env: Readonly<Record<string, string | undefined>>): string {
  try {
    return env['HOME'] || homedir()
  } catch {
    return '/'
  }
}
