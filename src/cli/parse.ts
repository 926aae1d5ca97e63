import { Parser } from 'yargs/helpers'
import { parseDuration } from '../units.ts'
import type { FlagsOf, Option } from './options.ts'
import { badFlag, type UsageOf, wrongArity } from './usage.ts'

export interface Parsed<Options extends readonly Option[]> {
  readonly flags: FlagsOf<Options>
  /** The arguments that are no flags, in order. */
  readonly words: readonly string[]
}

/** By the name of a flag: what it is when it is not given. They go before those of the command. */
export type Defaults = Readonly<Record<string, string | undefined>>

interface ParseSpec<Options extends readonly Option[]> {
  readonly name: string
  readonly usage: string
  readonly arity: readonly [min: number, max: number]
  readonly options: Options
}

/** yargs takes liberties that docker does not; all of them are off. */
const LIKE_DOCKER = {
  'boolean-negation': false,
  'camel-case-expansion': false,
  'dot-notation': false,
  'duplicate-arguments-array': false,
  'greedy-arrays': false,
  'parse-numbers': false,
  'parse-positional-numbers': false,
  'populate--': true,
  'unknown-options-as-args': true,
} as const

/**
 * Reads the arguments of a command as docker would: flags and arguments in any order, `--flag v`, `--flag=v`, `-q`,
 * everything after `--` is an argument. Help asked for wins over missing arguments, not over a bad flag.
 * @throws UsageError BAD_FLAG, USAGE (arity), with docker's words
 */
export function parse<const Options extends readonly Option[]>(
  spec: ParseSpec<Options>,
  argv: readonly string[],
  defaults: Defaults = {},
): Parsed<Options> | 'help' {
  const of: UsageOf = { usage: spec.usage, path: `docker ipfs ${spec.name}` }
  const booleans = spec.options.filter((option) => option.type === 'boolean')
  const valued = spec.options.filter((option) => option.type !== 'boolean').map((option) => option.name)
  const spelled = spellOut(argv, spec.options, of)
  const { argv: read, error } = Parser.detailed(spelled, {
    alias: { help: 'h' },
    boolean: ['help', ...booleans.map((option) => option.name)],
    string: ['_', ...valued],
    narg: Object.fromEntries(valued.map((name) => [name, 1])),
    configuration: LIKE_DOCKER,
  })
  const before = read._.map(String)
  const unknown = before.find((word) => word.startsWith('-') && word !== '-') ?? unknownKey(read, spec.options)
  if (unknown !== undefined) throw badFlag(unknownFlag(unknown, spec.options), of)
  if (error) throw badFlag(missingValue(error.message), of)

  const flags = Object.fromEntries(
    spec.options.map((option) => [
      option.name,
      option.type === 'list'
        ? valuesOf(option, spelled)
        : flagValue(option, read[option.name] ?? defaults[option.name], of),
    ]),
  )
  if (read['help'] === true) return 'help'
  const words = [...before, ...(read['--'] ?? []).map(String)]
  const [min, max] = spec.arity
  if (words.length < min || words.length > max) throw wrongArity(min, max, of)
  // The one place where the compiler cannot follow from the list of options to the object made of it.
  return { flags: flags as FlagsOf<Options>, words }
}

const TRUE = ['1', 't', 'T', 'true', 'TRUE', 'True']
const FALSE = ['0', 'f', 'F', 'false', 'FALSE', 'False']

/**
 * Writes every flag in its long form, and with its value: `-qo file` becomes `--quiet=true --output=file`. yargs
 * does not split such a group, takes the word after `-q` for its value when that is "true" (an image may be called so), any
 * value of a boolean that it does not know for false, and no `--help` for a value. Flags that are not ours stay as they are.
 */
function spellOut(argv: readonly string[], options: readonly Option[], of: UsageOf): string[] {
  const spelled: string[] = []
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? ''
    if (word === '--') return [...spelled, ...argv.slice(at)]
    spelled.push(
      ...(word.startsWith('--') ? [spellOutLong(word, options, of)] : (spellOutShort(word, options, of) ?? [word])),
    )
    const next = argv[at + 1]
    if (next === undefined || !options.some(({ name, type }) => type !== 'boolean' && spelled.at(-1) === `--${name}`))
      continue
    // The next word is a value, whatever it looks like.
    spelled.push(`${spelled.pop()}=${next}`)
    at += 1
  }
  return spelled
}

function spellOutLong(word: string, options: readonly Option[], of: UsageOf): string {
  const [, name, value] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? []
  const option = options.find((candidate) => candidate.name === name)
  return option?.type === 'boolean' ? `--${option.name}=${readBoolean(option, value, of)}` : word
}

/** Undefined when the word is no group of our short flags. */
function spellOutShort(word: string, options: readonly Option[], of: UsageOf): string[] | undefined {
  if (!/^-[^-]/.test(word)) return undefined
  const flags: string[] = []
  for (let at = 1; at < word.length; at++) {
    const option = options.find((candidate) => candidate.short === word[at])
    if (option === undefined) return undefined
    const after = word.slice(at + 1)
    const attached = after.startsWith('=') ? after.slice(1) : undefined
    if (option.type !== 'boolean') {
      return [...flags, after === '' ? `--${option.name}` : `--${option.name}=${attached ?? after}`]
    }
    flags.push(`--${option.name}=${readBoolean(option, attached, of)}`)
    if (attached !== undefined) break
  }
  return flags
}

/** All values of a flag that may be given several times. */
function valuesOf({ name }: Option, spelled: readonly string[]): string[] {
  const end = spelled.indexOf('--')
  const flags = end < 0 ? spelled : spelled.slice(0, end)
  return flags.filter((word) => word.startsWith(`--${name}=`)).map((word) => word.slice(name.length + 3))
}

function readBoolean(option: Option, value: string | undefined, of: UsageOf): boolean {
  if (value === undefined || TRUE.includes(value)) return true
  if (FALSE.includes(value)) return false
  throw invalidValue(option, value, 'must be true or false', of)
}

function flagValue(option: Option, given: unknown, of: UsageOf): string | boolean | number | undefined {
  if (option.type === 'boolean') return given === true
  const text = typeof given === 'string' ? given : option.default
  if (text === undefined) return undefined
  if (option.choices?.includes(text) === false) {
    throw invalidValue(option, text, `must be one of ${option.choices.join(', ')}`, of)
  }
  if (option.type === 'string') return text
  const ms = parseDuration(text)
  if (ms === undefined) throw invalidValue(option, text, 'must be a duration such as 90s, 5m or 1h30m', of)
  if (ms === 0) throw invalidValue(option, text, 'must be more than 0', of)
  return ms
}

function invalidValue(option: Option, value: string, why: string, of: UsageOf): Error {
  const flag = option.short === undefined ? `--${option.name}` : `-${option.short}, --${option.name}`
  return badFlag(`invalid argument "${value}" for "${flag}" flag: ${why}`, of)
}

/** yargs lets `--no-anything` pass as known, even with negation off. */
function unknownKey(read: Readonly<Record<string, unknown>>, options: readonly Option[]): string | undefined {
  const known = ['_', '--', 'help', 'h', ...options.map((option) => option.name)]
  const key = Object.keys(read).find((candidate) => !known.includes(candidate))
  return key === undefined ? undefined : `--${key}`
}

function unknownFlag(word: string, options: readonly Option[]): string {
  if (word.startsWith('--')) return `unknown flag: ${word.replace(/=.*$/s, '')}`
  const letter = [...word.slice(1)].find((char) => char !== 'h' && !options.some((option) => option.short === char))
  return `unknown shorthand flag: '${letter ?? word[1]}' in ${word}`
}

/** yargs says which flag, in a sentence of its own. */
function missingValue(text: string): string {
  const name = /:\s*(\S+)\s*$/.exec(text)?.[1]
  return name === undefined ? text : `flag needs an argument: --${name}`
}
