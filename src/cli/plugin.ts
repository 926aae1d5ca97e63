import { badFlag } from './usage.ts'

/**
 * Docker starts a plugin with its own command line, unchanged: `[global flags] ipfs <rest>`, `[…] help ipfs <rest>`,
 * or `__complete ipfs <words>`. The binary also works by itself, as `docker-ipfs [global flags] <rest>`.
 */
export interface PluginArgv {
  /** Docker's global flags in one spelling (`--host unix:///x`, `--tls=false`), to go before every docker subcommand. */
  readonly dockerGlobals: readonly string[]
  /** `-D` was given. */
  readonly debug: boolean
  /** What is left: a command of ours and its arguments. For `complete`: the words typed, the last one is unfinished. */
  readonly args: readonly string[]
  readonly mode: 'run' | 'help' | 'complete'
}

interface GlobalFlag {
  readonly name: string
  readonly short?: string
  readonly takesValue: boolean
}

const GLOBAL_FLAGS: readonly GlobalFlag[] = [
  { name: 'config', takesValue: true },
  { name: 'context', short: 'c', takesValue: true },
  { name: 'debug', short: 'D', takesValue: false },
  { name: 'host', short: 'H', takesValue: true },
  { name: 'log-level', short: 'l', takesValue: true },
  { name: 'tls', takesValue: false },
  { name: 'tlscacert', takesValue: true },
  { name: 'tlscert', takesValue: true },
  { name: 'tlskey', takesValue: true },
  { name: 'tlsverify', takesValue: false },
]

/** How docker itself names the plugin on the command line. */
export const PLUGIN_NAME = 'ipfs'

/**
 * Parses the arguments after the program's own name.
 * @throws UsageError (BAD_FLAG) when a global flag lacks its value; docker checks this before it starts us.
 */
export function parsePluginArgv(argv: readonly string[]): PluginArgv {
  if (argv[0] === '__complete' || argv[0] === '__completeNoDesc') {
    const words = argv.slice(argv[1] === PLUGIN_NAME ? 2 : 1)
    return { dockerGlobals: [], debug: false, args: words, mode: 'complete' }
  }
  const first = takeGlobals(argv)
  const helpFirst = first.rest[0] === 'help' && first.rest[1] === PLUGIN_NAME
  if (!helpFirst && first.rest[0] !== PLUGIN_NAME) return result(first, [])
  // `docker ipfs -D save x`: a global flag that came late is still docker's.
  const second = takeGlobals(first.rest.slice(helpFirst ? 2 : 1))
  return result({ ...second, help: second.help || first.help || helpFirst }, first.flags)
}

interface Taken {
  readonly flags: readonly string[]
  readonly help: boolean
  readonly rest: readonly string[]
}

function result(taken: Taken, earlier: readonly string[]): PluginArgv {
  const [word, ...others] = taken.rest
  const help = taken.help || word === 'help'
  const dockerGlobals = [...earlier, ...taken.flags]
  return {
    dockerGlobals,
    debug: isDebug(dockerGlobals),
    args: word === 'help' ? others : taken.rest,
    mode: help ? 'help' : 'run',
  }
}

function isDebug(flags: readonly string[]): boolean {
  const last = flags.findLast((flag) => flag === '--debug' || flag.startsWith('--debug='))
  return last !== undefined && !/=(?:0|f|F|false|FALSE|False)$/.test(last)
}

/** Takes docker's global flags from the front, up to the first word or a flag that is not docker's. */
function takeGlobals(argv: readonly string[]): Taken {
  const flags: string[] = []
  let help = false
  let index = 0
  for (; index < argv.length; index++) {
    const word = argv[index] ?? ''
    if (word === '--help' || word === '-h') {
      help = true
      continue
    }
    const found = word.startsWith('--') ? longFlag(word, argv[index + 1]) : shortFlags(word, argv[index + 1])
    if (found === undefined) break
    flags.push(...found.flags)
    index += found.tookNext ? 1 : 0
  }
  return { flags, help, rest: argv.slice(index) }
}

interface GlobalFlags {
  readonly flags: readonly string[]
  /** The value was the next word. */
  readonly tookNext: boolean
}

function longFlag(word: string, next: string | undefined): GlobalFlags | undefined {
  const [, name, equals, value = ''] = /^--([^=]+)(=?)(.*)$/s.exec(word) ?? []
  const flag = GLOBAL_FLAGS.find((candidate) => candidate.name === name)
  if (flag === undefined) return undefined
  if (!flag.takesValue) return { flags: [word], tookNext: false }
  if (equals === '=') return { flags: [`--${flag.name}`, value], tookNext: false }
  return { flags: [`--${flag.name}`, needed(next, word)], tookNext: true }
}

/** `-D`, `-H X`, `-HX`, `-H=X`, and groups such as `-DH X`. */
function shortFlags(word: string, next: string | undefined): GlobalFlags | undefined {
  if (!/^-[A-Za-z]/.test(word)) return undefined
  const flags: string[] = []
  for (let at = 1; at < word.length; at++) {
    const flag = GLOBAL_FLAGS.find((candidate) => candidate.short === word[at])
    if (flag === undefined) return undefined
    const after = word.slice(at + 1)
    if (!flag.takesValue) {
      if (after.startsWith('=')) return { flags: [...flags, `--${flag.name}${after}`], tookNext: false }
      flags.push(`--${flag.name}`)
      continue
    }
    const attached = after.startsWith('=') ? after.slice(1) : after
    if (after !== '') return { flags: [...flags, `--${flag.name}`, attached], tookNext: false }
    return { flags: [...flags, `--${flag.name}`, needed(next, `'${word[at]}' in ${word}`)], tookNext: true }
  }
  return { flags, tookNext: false }
}

function needed(value: string | undefined, flag: string): string {
  if (value !== undefined) return value
  throw badFlag(`flag needs an argument: ${flag}`, { usage: 'docker ipfs COMMAND', path: 'docker ipfs' })
}
