import type { Command } from './command.ts'

/** cobra's directives: the shell completes file names, or none. */
const FILES = ':0'
const NO_FILES = ':4'

/**
 * The answer to `docker __complete ipfs <words>`: one candidate a line, with a tab before its description, the directive last.
 * The last word is the one being typed and may be empty. Nothing is started for it: here the environment names *us* as docker.
 */
export function complete(commands: readonly Command[], words: readonly string[], descriptions: boolean): string {
  const typed = words.at(-1) ?? ''
  return [...candidates(commands, words.slice(0, -1), typed)]
    .filter(([value]) => value.startsWith(typed))
    .map(([value, text]) => (descriptions && text !== '' ? `${value}\t${text}` : value))
    .concat(optionBefore(commands, words.slice(0, -1))?.isPath ? FILES : NO_FILES)
    .join('\n')
}

function candidates(
  commands: readonly Command[],
  before: readonly string[],
  typed: string,
): readonly (readonly [value: string, text: string])[] {
  const words = nextWords(commands, before)
  if (words.size > 0) return [...words]
  if (!typed.startsWith('-') || before.includes('--')) {
    const choices = optionBefore(commands, before)?.choices ?? []
    return choices.map((choice) => [choice, ''] as const)
  }
  const options = commandIn(commands, before)?.options ?? []
  return options.map((option) => [`--${option.name}`, option.description] as const)
}

/** Words that may follow: of a group's commands, such as `key ls`, the first alone, and then the second. */
function nextWords(commands: readonly Command[], before: readonly string[]): Map<string, string> {
  const words = new Map<string, string>()
  for (const { name, summary } of commands) {
    const [next, ...more] = name.split(' ').slice(before.length)
    if (next === undefined || !name.startsWith(before.map((word) => `${word} `).join(''))) continue
    words.set(next, more.length === 0 ? summary : '')
  }
  return words
}

function commandIn(commands: readonly Command[], [first, second]: readonly string[]): Command | undefined {
  return commands.find(({ name }) => name === first || name === `${first} ${second}`)
}

/** The option whose value is being typed. */
function optionBefore(commands: readonly Command[], before: readonly string[]) {
  const options = commandIn(commands, before)?.options ?? []
  return options.find(
    (option) => option.type !== 'boolean' && [`--${option.name}`, `-${option.short}`].includes(before.at(-1) ?? ''),
  )
}
