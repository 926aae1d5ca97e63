import type { Option } from '../../options.ts'
import type { DockerFlags } from './docker-flags.ts'

/** A command line of `docker ipfs run`, taken apart. */
export interface Split {
  /** Flags of ours. */
  readonly ours: readonly string[]
  /** Flags of `docker run`. */
  readonly docker: readonly string[]
  /** The reference; undefined where there is none. */
  readonly reference: string | undefined
  /** What is to run in the container, and its arguments. */
  readonly command: readonly string[]
  /** The first flag that nobody has, as it was typed; what is behind it is not looked at. */
  readonly unknown: string | undefined
  /** A flag of docker that lacks its value. */
  readonly lacking: string | undefined
}

/** Flags that both have and both are told. */
const SHARED = ['platform']

/**
 * Takes a command line apart as `docker run` does: flags stand in front of the reference, all behind it is the container's. A flag of
 * docker is told from its value by docker's own flags.
 */
export function split(argv: readonly string[], options: readonly Option[], flags: DockerFlags): Split {
  const ours: string[] = []
  const docker: string[] = []
  const ending = (at: number, more: Partial<Split> = {}): Split => {
    const [reference, ...command] = argv.slice(at)
    return { ours, docker, reference, command, unknown: undefined, lacking: undefined, ...more }
  }
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? ''
    if (word === '--') return ending(at + 1)
    if (!/^-./.test(word)) return ending(at)
    const found = word.startsWith('--') ? long(word, options, flags) : short(word, options, flags)
    if (found === undefined) return ending(argv.length, { unknown: word })
    const value = found.takesNext ? argv.slice(at + 1, at + 2) : []
    if (found.takesNext && value.length === 0 && found.isDocker) return ending(argv.length, { lacking: found.name })
    if (found.isOurs) ours.push(word, ...value)
    if (found.isDocker) docker.push(word, ...value)
    at += value.length
  }
  return ending(argv.length)
}

interface Found {
  readonly name: string
  readonly isOurs: boolean
  readonly isDocker: boolean
  readonly takesNext: boolean
}

function long(word: string, options: readonly Option[], { switches, valued }: DockerFlags): Found | undefined {
  const [, name = '', equals] = /^--([^=]+)(=)?/s.exec(word) ?? []
  const option = name === 'help' ? HELP : options.find((candidate) => candidate.name === name)
  if (option !== undefined) {
    const takesNext = option.type !== 'boolean' && equals === undefined
    return { name, isOurs: true, isDocker: SHARED.includes(name), takesNext }
  }
  if (!switches.has(name) && !valued.has(name)) return undefined
  return { name, isOurs: false, isDocker: true, takesNext: valued.has(name) && equals === undefined }
}

const HELP = { name: 'help', type: 'boolean', description: '' } as const

/** `-it`, `-p 80:80`, `-p80:80`, `-itp 80:80`. A letter of ours stands alone. */
function short(word: string, options: readonly Option[], { switches, valued }: DockerFlags): Found | undefined {
  const own = options.find((candidate) => candidate.short !== undefined && word === `-${candidate.short}`)
  if (own !== undefined) return { name: own.name, isOurs: true, isDocker: false, takesNext: own.type !== 'boolean' }
  for (let at = 1; at < word.length; at++) {
    const letter = word[at] ?? ''
    if (valued.has(letter)) return { name: letter, isOurs: false, isDocker: true, takesNext: at === word.length - 1 }
    if (!switches.has(letter)) return undefined
    if (word[at + 1] === '=') break
  }
  return { name: word, isOurs: false, isDocker: true, takesNext: false }
}
