import { engineError } from '../../../src/engine/docker/words.ts'

/** The values of a flag, in their order. */
export type Flags = (name: string) => readonly string[]

const SWITCHES = new Set(['--all', '--follow', '--force', '--init', '--no-trunc', '--quiet'])

/** Flags and what stands behind them. Those behind the first word belong to what a container runs. */
export function parseCommand(args: readonly string[]): { readonly flags: Flags; readonly words: readonly string[] } {
  const given: (readonly [name: string, value: string])[] = []
  let at = 0
  for (; args[at]?.startsWith('--') && args[at] !== '--'; at += 1) {
    const name = args[at] ?? ''
    if (SWITCHES.has(name)) given.push([name, ''])
    else given.push([name, args[++at] ?? ''])
  }
  const flags = (name: string) => given.filter(([one]) => one === name).map(([, value]) => value)
  return { flags, words: args.slice(args[at] === '--' ? at + 1 : at) }
}

/** What `--format` makes of one thing: `{{.Name}}`, and `{{.Label "name"}}`. */
export function formatted(
  flags: Flags,
  fields: Readonly<Record<string, string>>,
  labels: ReadonlyMap<string, string> = new Map(),
): string {
  return (flags('--format')[0] ?? '').replace(/\{\{\.([\w.]+)(?: "([^"]*)")?\}\}/g, (all, field, label) => {
    const value = field === 'Label' ? (labels.get(label) ?? '') : fields[field]
    if (value === undefined) throw new Error(`the docker of tests has no field ${all}`)
    return value
  })
}

/** `name=value` each; without a value, the name alone. */
export function pairs(texts: readonly string[]): Map<string, string> {
  return new Map(
    texts.map((text) => {
      const at = text.indexOf('=')
      return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
    }),
  )
}

/** Those that have the labels of all filters. */
export function labelled<T extends { readonly labels: ReadonlyMap<string, string> }>(all: T[], flags: Flags): T[] {
  const names = flags('--filter').map((filter) => filter.replace(/^label=/, ''))
  return all.filter(({ labels }) => names.every((name) => labels.has(name)))
}

/** What the engine has against something, as docker passes it on. */
export function daemonError(words: string): Error {
  return engineError(`Error response from daemon: ${words}`, undefined)
}
