import type { KeptImage } from '../catalogue/kept.ts'
import { type Command, isCalled } from './command.ts'
import type { CommandGroup } from './help.ts'
import type { Argument, Option } from './options.ts'

/** cobra's directives: the shell completes file names, or none. */
const FILES = ':0'
const NO_FILES = ':4'

/** What may stand on the command line, and a few words about it. */
export interface Candidate {
  readonly value: string
  readonly text: string
}

/** What only engine and node know. Both answer soon, if only that they know nothing. */
export interface CompletionSources {
  readonly images: () => Promise<readonly Candidate[]>
  readonly remotes: () => Promise<readonly Candidate[]>
  /** `api`: the value of --api on the command line. */
  readonly kept: (api: string | undefined) => Promise<readonly KeptImage[]>
}

export interface CompletionOptions {
  readonly commands: readonly Command[]
  readonly groups: readonly CommandGroup[]
  readonly sources: CompletionSources
  /** Whether the shell wants them. */
  readonly descriptions: boolean
}

/**
 * The answer to `docker __complete ipfs <words>`: one candidate a line, with a tab before its description, the directive last.
 * The last word is the one being typed and may be empty.
 */
export async function complete(words: readonly string[], options: CompletionOptions): Promise<string> {
  const typed = words.at(-1) ?? ''
  const before = words.slice(0, -1)
  const command = options.commands.find((each) =>
    [1, 2].some((count) => isCalled(each, before.slice(0, count).join(' '))),
  )
  const answer: Completion =
    command === undefined
      ? { candidates: commandsAfter(before, options), typed }
      : await argumentsOf(command, before.slice(command.name.split(' ').length), typed, options.sources)
  // A name with white space would be several candidates, or half of a description.
  return answer.candidates
    .filter(({ value }) => value.startsWith(answer.typed) && /^\S+$/.test(value))
    .map(({ value, text }) => (options.descriptions && text !== '' ? `${value}\t${text.replace(/\s+/g, ' ')}` : value))
    .concat(answer.files ? FILES : NO_FILES)
    .join('\n')
}

interface Completion {
  readonly candidates: readonly Candidate[]
  /** What they must begin with: the word, or its part behind `--flag=`. */
  readonly typed: string
  /** The shell completes file names too. */
  readonly files?: boolean
}

/** Commands and groups where nothing has been typed, commands of a group behind its name. */
function commandsAfter(before: readonly string[], { commands, groups }: CompletionOptions): Candidate[] {
  const path = before.map((word) => `${word} `).join('')
  return [...commands, ...(path === '' ? groups : [])]
    .filter(({ name }) => name.startsWith(path) && !name.slice(path.length).includes(' '))
    .map(({ name, summary }) => ({ value: name.slice(path.length), text: summary }))
    .sort((a, b) => (a.value < b.value ? -1 : 1))
}

async function argumentsOf(
  { options, takes = [], arity }: Command,
  before: readonly string[],
  typed: string,
  sources: CompletionSources,
): Promise<Completion> {
  const { words, open, api, isOver } = read(before, options)
  const ask = (kind: Argument | undefined, start: string) =>
    argumentsLike(kind, start, () => sources.kept(api), sources)
  const valuesOf = (option: Option, start: string) =>
    option.choices === undefined
      ? ask(option.isPath ? 'path' : option.takes, start)
      : { candidates: option.choices.map((value) => ({ value, text: '' })), typed: start }
  if (open !== undefined) return valuesOf(open, typed)
  if (typed.startsWith('-') && !isOver) {
    const [, name, value] = /^--([^=]+)=(.*)$/s.exec(typed) ?? []
    const option = options.find((candidate) => candidate.name === name)
    if (option !== undefined && value !== undefined) return valuesOf(option, value)
    return { candidates: options.map((flag) => ({ value: `--${flag.name}`, text: flag.description })), typed }
  }
  const answer = await ask(words.length < arity[1] ? (takes[words.length] ?? takes.at(-1)) : undefined, typed)
  return { ...answer, candidates: answer.candidates.filter(({ value }) => !words.includes(value)) }
}

async function argumentsLike(
  kind: Argument | undefined,
  typed: string,
  kept: () => Promise<readonly KeptImage[]>,
  { images, remotes }: CompletionSources,
): Promise<Completion> {
  if (kind === undefined) return { candidates: [], typed }
  if (kind === 'path') return { candidates: [], typed, files: true }
  if (kind === 'remote') return { candidates: await remotes(), typed }
  if (kind === 'image') return { candidates: await images(), typed }
  const all = await kept()
  const names = all.flatMap(({ name, root }) => (name === undefined ? [] : [{ value: name, text: root }]))
  // CIDs only to whoever has begun to type one: else each image would be there twice.
  if (kind === 'name' || (kind === 'reference' && typed === '')) return { candidates: names, typed }
  const roots = Map.groupBy(all, ({ root }) => root)
  const named = [...roots].map(([root, its]) => ({
    value: root,
    text: its.flatMap(({ name }) => name ?? []).join(', '),
  }))
  return { candidates: kind === 'cid' ? named : [...names, ...named], typed }
}

interface WordsBefore {
  /** Arguments that are no flags. */
  readonly words: readonly string[]
  /** The flag whose value is being typed. */
  readonly open: Option | undefined
  readonly api: string | undefined
  /** `--` was given: nothing behind it is a flag. */
  readonly isOver: boolean
}

function read(before: readonly string[], options: readonly Option[]): WordsBefore {
  const words: string[] = []
  let open: Option | undefined
  let api: string | undefined
  let isOver = false
  for (const word of before) {
    if (open !== undefined) {
      if (open.name === 'api') api = word
      open = undefined
    } else if (isOver || word === '-' || !word.startsWith('-')) words.push(word)
    else if (word === '--') isOver = true
    else if (word.startsWith('--api=')) api = word.slice('--api='.length)
    else open = openedBy(word, options)
  }
  return { words, open, api, isOver }
}

/** `--output` and `-qo` wait for a value, `--output=x`, `-ox` and `-q` do not. */
function openedBy(word: string, options: readonly Option[]): Option | undefined {
  if (word.startsWith('--')) return options.find(({ name, type }) => type !== 'boolean' && word === `--${name}`)
  const letters = [...word.slice(1)]
  const at = letters.findIndex((letter) => options.some(({ short, type }) => short === letter && type !== 'boolean'))
  return at === letters.length - 1 ? options.find(({ short }) => short === letters[at]) : undefined
}
