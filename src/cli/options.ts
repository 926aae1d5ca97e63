import { PROGRESS_MODES } from '../output/progress.ts'

/**
 * What an argument is, for completion: an image of the engine; an image that the node keeps, by name or CID; such a name; such a
 * CID; a remote; a path.
 */
export type Argument = 'image' | 'reference' | 'name' | 'cid' | 'remote' | 'path'

/**
 * A flag of a command. A `duration` is written as in Go (`90s`, `5m`) and handed over in milliseconds; a `list` may be given
 * several times.
 */
export interface Option {
  readonly name: string
  /** One letter. */
  readonly short?: string
  readonly type: 'string' | 'boolean' | 'duration' | 'list'
  readonly description: string
  /** As the user would write it. Not for booleans, which are false. */
  readonly default?: string
  /** The only values that a string may have. */
  readonly choices?: readonly string[]
  /** The value is a path, which the shell completes. */
  readonly isPath?: boolean
  /** What else the value is. */
  readonly takes?: Argument
}

type ValueOf<O extends Option> = O extends { type: 'boolean' }
  ? boolean
  : O extends { type: 'list' }
    ? readonly string[]
    : Raw<O> | (O extends { default: string } ? never : undefined)
type Raw<O extends Option> = O extends { type: 'duration' }
  ? number
  : O extends { choices: readonly (infer Choice)[] }
    ? Choice
    : string

/** The values of flags, by name: durations in milliseconds, undefined where nothing was given and nothing is the default. */
export type FlagsOf<Options extends readonly Option[]> = {
  readonly [O in Options[number] as O['name']]: ValueOf<O>
}

export const api = {
  name: 'api',
  type: 'string',
  description: "Address of the node's RPC API (multiaddr or URL)",
} as const satisfies Option

export const progress = {
  name: 'progress',
  type: 'string',
  description: `Type of progress output (${PROGRESS_MODES.join(', ')})`,
  default: 'auto',
  choices: PROGRESS_MODES,
} as const satisfies Option

export const noCache = {
  name: 'no-cache',
  type: 'boolean',
  description: "Save everything anew, whatever the node's catalogue knows",
} as const satisfies Option

export const gateway = {
  name: 'gateway',
  type: 'list',
  description: 'Read from this HTTP gateway too when the node finds nobody, or none answers (URL; may be repeated)',
} as const satisfies Option

export const platform = {
  name: 'platform',
  type: 'string',
  description: 'Only this platform of an image with several (os[/arch[/variant]], e.g. linux/arm64)',
} as const satisfies Option

export const timeout = {
  name: 'timeout',
  type: 'duration',
  description: 'Give up when no data has come for this long (e.g. 90s, 5m)',
  default: '1m',
} as const satisfies Option

export const key = {
  name: 'key',
  type: 'string',
  description: 'Key of the node to publish under, by its name or ID (default "docker-ipfs", made when needed)',
} as const satisfies Option

/** `--format` for rows (`src/output/rows.ts`). */
export const format = {
  name: 'format',
  type: 'string',
  description: 'Format output: "table", "table TEMPLATE", "json", or a Go template',
} as const satisfies Option

/** `-q`, in the words that fit the command. It silences progress; results are still printed. */
export function quiet<const Text extends string>(description: Text) {
  return { name: 'quiet', short: 'q', type: 'boolean', description } as const satisfies Option
}

/** What `CommandContext.connect` reads. */
export type ConnectionOptions = readonly [typeof api, typeof progress, ReturnType<typeof quiet>]

/** What `CommandContext.connect` reads where a command may use gateways. */
export type GatewayOptions = readonly [typeof gateway, typeof timeout]

/** Of the commands that show the state of a process of ours. */
export const stateFormat = {
  name: 'format',
  type: 'string',
  description: 'Format of the output (table, json)',
  default: 'table',
  choices: ['table', 'json'],
} as const satisfies Option

/** Of the commands that show what a process of ours wrote, as docker has them. */
export const logOptions = [
  { name: 'follow', short: 'f', type: 'boolean', description: 'Follow log output' },
  {
    name: 'tail',
    short: 'n',
    type: 'string',
    description: 'Number of lines to show from the end of the logs',
    default: 'all',
  },
] as const satisfies readonly Option[]
