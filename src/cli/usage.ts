import { DockerIpfsError } from '../errors.ts'

/** What a usage error tells about the command it happened in. */
export interface UsageOf {
  /** As in help, e.g. `docker ipfs save [OPTIONS] IMAGE [IMAGE...]`. */
  readonly usage: string
  /** As typed before `--help`, e.g. `docker ipfs save`. */
  readonly path: string
}

/** A command line that cannot be run. The message is whole, in docker's form: `cli/exit.ts` adds nothing to it. */
export class UsageError extends DockerIpfsError {
  constructor(code: 'USAGE' | 'BAD_FLAG', text: string, { usage, path }: UsageOf) {
    super(code, `${text}\n\nUsage:  ${usage}\n\nRun '${path} --help' for more information`)
  }
}

/** An unknown flag, or one whose value cannot be read: exit code 125. */
export function badFlag(text: string, of: UsageOf): UsageError {
  return new UsageError('BAD_FLAG', text, of)
}

/** The wrong number of arguments, in docker's words. `max` is Infinity for "any number". */
export function wrongArity(min: number, max: number, of: UsageOf): UsageError {
  const count = (n: number) => `${n} argument${n === 1 ? '' : 's'}`
  const needs = () => {
    if (max === 0) return 'accepts no arguments'
    if (min === 0 && max !== Number.POSITIVE_INFINITY) return `requires at most ${count(max)}`
    if (max === min) return `requires ${count(min)}`
    return max === Number.POSITIVE_INFINITY
      ? `requires at least ${count(min)}`
      : `requires at least ${min} and at most ${count(max)}`
  }
  return new UsageError('USAGE', `docker: '${of.path}' ${needs()}`, of)
}

/** `typed`: one word, or a group and a word. `names`: of all commands and groups. */
export function unknownCommand(typed: string, names: readonly string[]): DockerIpfsError {
  const near = names.filter((name) => isNear(typed, name)).map((name) => `"docker ipfs ${name}"`)
  const [group = ''] = typed.split(' ')
  const path = names.includes(group) ? `docker ipfs ${group}` : 'docker ipfs'
  const hint = near.length === 0 ? `"${path} --help" shows the commands.` : `Did you mean ${near.join(' or ')}?`
  return new DockerIpfsError('USAGE', `unknown command: "${typed}"`, { hint })
}

/** As cobra has it: one begins the other, or at most two letters differ (Levenshtein distance). */
function isNear(typed: string, name: string): boolean {
  return name.startsWith(typed) || distance(typed, name) <= Math.min(2, Math.floor(name.length / 2))
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (const [y, letter] of [...a].entries()) {
    const next = [y + 1]
    for (const [x, other] of [...b].entries()) {
      const changed = (row[x] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(changed, (row[x + 1] ?? 0) + 1, (next[x] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}

/** @throws UsageError BAD_FLAG for what is no `--tail` of a log */
export function checkTail(tail: string, of: UsageOf): void {
  if (!/^(all|\d+)$/.test(tail)) throw badFlag(`--tail is a number of lines or "all", not "${tail}"`, of)
}
