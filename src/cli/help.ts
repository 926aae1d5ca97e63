import { formatDuration, parseDuration } from '../units.ts'
import type { Option } from './options.ts'

/**
 * Help in docker's exact form: its template is cobra's, its columns and its wrapping are pflag's, so the rules below,
 * odd as some look, are theirs.
 */

interface HelpOf {
  readonly usage: string
  readonly summary: string
  readonly name?: string
  readonly aliases?: readonly string[]
  readonly options: readonly Option[]
}

/** Help of one command. `columns`: width of the terminal, 80 where there is none. */
export function commandHelp(command: HelpOf, columns = 80): string {
  const { name = '', aliases = [] } = command
  const parts = [`Usage:  ${command.usage}`, command.summary]
  if (aliases.length > 0)
    parts.push(`Aliases:\n  ${[name, ...aliases].map((each) => `docker ipfs ${each}`).join(', ')}`)
  if (command.options.length > 0) parts.push(`Options:\n${optionLines(command.options, columns - 1).join('\n')}`)
  return parts.join('\n\n')
}

interface HelpEntry {
  readonly name: string
  readonly summary: string
}

/** A word that has commands of its own, such as `node` of `node start`. */
export type CommandGroup = HelpEntry

/** Help of the plugin as a whole. Commands of groups are left to the help of their group. */
export function pluginHelp(
  summary: string,
  commands: readonly HelpEntry[],
  groups: readonly CommandGroup[] = [],
): string {
  const alone = commands.filter((command) => !command.name.includes(' '))
  const sections = [`Commands:\n${listOf(alone)}`]
  if (groups.length > 0) sections.unshift(`Management Commands:\n${listOf(groups)}`)
  return [
    'Usage:  docker ipfs COMMAND',
    summary,
    ...sections,
    "Run 'docker ipfs COMMAND --help' for more information on a command.",
  ].join('\n\n')
}

export function groupHelp({ name, summary }: CommandGroup, commands: readonly HelpEntry[]): string {
  const own = commands.filter((command) => command.name.startsWith(`${name} `))
  return [
    `Usage:  docker ipfs ${name} COMMAND`,
    summary,
    `Commands:\n${listOf(own.map((command) => ({ ...command, name: command.name.slice(name.length + 1) })))}`,
    `Run 'docker ipfs ${name} COMMAND --help' for more information on a command.`,
  ].join('\n\n')
}

function listOf(commands: readonly HelpEntry[]): string {
  const width = Math.max(11, ...commands.map((command) => command.name.length + 1))
  return commands.map((command) => `  ${command.name.padEnd(width)} ${command.summary}`).join('\n')
}

function optionLines(options: readonly Option[], columns: number): string[] {
  const heads = options.map((option) => {
    const short = option.short === undefined ? '    ' : `-${option.short}, `
    return `  ${short}--${option.name}${option.type === 'boolean' ? '' : ` ${option.type}`}`
  })
  const widest = Math.max(...heads.map((head) => head.length))
  return options.map((option, index) => {
    const text = wrap(`${option.description}${defaultOf(option)}`, widest + 3, columns)
    return `${heads[index]?.padEnd(widest)}   ${text}`
  })
}

function defaultOf(option: Option): string {
  if (option.default === undefined) return ''
  if (option.type !== 'duration') return ` (default "${option.default}")`
  return ` (default ${formatDuration(parseDuration(option.default) ?? 0)})`
}

/** A line may be this much longer when that saves a last line of one short word. */
const SLOP = 5

/** Under this width text beside the flags would be a ribbon: it starts on a line of its own. */
const NARROWEST = 24

/** Wraps text that starts in column `indent`, so that no line reaches beyond `columns`. */
function wrap(text: string, indent: number, columns: number): string {
  if (columns - indent >= NARROWEST) return lines(text, columns - indent).join(`\n${' '.repeat(indent)}`)
  const block = 16
  if (columns - block < NARROWEST) return text
  const margin = `\n${' '.repeat(block)}`
  return `${margin}${lines(text, columns - block).join(margin)}`
}

function lines(text: string, width: number): string[] {
  const found: string[] = []
  let rest = text
  while (rest.length >= width) {
    const space = rest.lastIndexOf(' ', width - SLOP - 1)
    if (space <= 0) break
    found.push(rest.slice(0, space))
    rest = rest.slice(space + 1)
  }
  return [...found, rest]
}
