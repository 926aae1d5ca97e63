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
  const [name] = before
  if (name === undefined) return commands.map((command) => [command.name, command.summary] as const)
  if (!typed.startsWith('-') || before.includes('--')) {
    const choices = optionBefore(commands, before)?.choices ?? []
    return choices.map((choice) => [choice, ''] as const)
  }
  const options = commands.find((command) => command.name === name)?.options ?? []
  return options.map((option) => [`--${option.name}`, option.description] as const)
}

/** The option whose value is being typed. */
function optionBefore(commands: readonly Command[], before: readonly string[]) {
  const options = commands.find((command) => command.name === before[0])?.options ?? []
  return options.find(
    (option) => option.type !== 'boolean' && [`--${option.name}`, `-${option.short}`].includes(before.at(-1) ?? ''),
  )
}
