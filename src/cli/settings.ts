import { readFileSync } from 'node:fs'
import type { Fault } from '../doctor/config.ts'
import { messageOf } from '../errors.ts'
import { isObject } from '../json.ts'
import { PROGRESS_MODES } from '../output/progress.ts'

/** Something that can be said once and for all: in docker's config.json, below `plugins.ipfs`, or in the environment. */
export interface Setting {
  /** The key in config.json; undefined for what must not stand there. */
  readonly key?: string
  readonly env: string
  /** The flag that goes before both. */
  readonly flag?: string
  /** What holds when nothing is said. */
  readonly default: string
  readonly text: string
  /** The only values that it may have. */
  readonly choices?: readonly string[]
}

/** Which node docker-ipfs may run by itself. */
export const NODE_CHOICES = ['container', 'binary', 'off'] as const

/** All settings; docs/guide/node-and-settings.md has them as a table. */
export const SETTINGS = {
  api: {
    key: 'api',
    env: 'DOCKER_IPFS_API',
    flag: '--api',
    default: 'found',
    text: "address of the node's RPC API",
  },
  auth: {
    env: 'DOCKER_IPFS_API_AUTH',
    default: 'none',
    text: 'secret for that address: `bearer:TOKEN` or `basic:USER:PASSWORD`',
  },
  authFile: {
    key: 'apiAuthFile',
    env: 'DOCKER_IPFS_API_AUTH_FILE',
    default: 'none',
    text: 'file that holds this secret',
  },
  ca: {
    key: 'apiCa',
    env: 'DOCKER_IPFS_API_CA',
    default: 'the well-known ones',
    text: 'file (PEM) with the certificates to trust at that address',
  },
  gateways: {
    key: 'gateways',
    env: 'DOCKER_IPFS_GATEWAYS',
    flag: '--gateway',
    default: 'none',
    text: 'HTTP gateways to read from, with commas or spaces between them',
  },
  node: {
    key: 'node',
    env: 'DOCKER_IPFS_NODE',
    default: 'what works',
    text: 'how docker-ipfs runs its own node: `container`, `binary` or `off`',
    choices: NODE_CHOICES,
  },
  progress: {
    key: 'progress',
    env: 'DOCKER_IPFS_PROGRESS',
    flag: '--progress',
    default: 'auto',
    text: 'how progress is shown: `auto`, `tty`, `plain`, `json` or `quiet`',
    choices: PROGRESS_MODES,
  },
} as const satisfies Readonly<Record<string, Setting>>

export type SettingName = keyof typeof SETTINGS

/** A value, and where it is from, for messages. */
export interface SettingValue {
  readonly text: string
  readonly source: string
  /** It is from config.json. */
  readonly inFile: boolean
}

export interface Settings {
  /** What was said, in the environment or else in config.json. Empty text counts as nothing. */
  readonly values: Readonly<Partial<Record<SettingName, SettingValue>>>
  /** What is wrong in config.json or with a value, a line each. It is left out, and nothing stops. */
  readonly faults: readonly Fault[]
  /** Path of docker's config.json. */
  readonly file: string
}

/** Keys below `plugins.ipfs` that are docker's own. */
const OF_DOCKER = ['hooks', 'error-hooks']

export interface SettingSources {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Path of docker's config.json, which need not be there. */
  readonly file: string
}

/** Reads config.json and the environment, which goes first. Never throws. */
export function readSettings({ env, file }: SettingSources): Settings {
  const faults: Fault[] = []
  const inFile = readFile(file, faults)
  const values: Partial<Record<SettingName, SettingValue>> = {}
  for (const [name, setting] of Object.entries(SETTINGS) as [SettingName, Setting][]) {
    const said = env[setting.env] || undefined
    const text = said ?? (inFile.get(setting.key) || undefined)
    if (text === undefined) continue
    const source = said === undefined ? `plugins.ipfs.${setting.key} of ${file}` : setting.env
    if (setting.choices?.includes(text) === false) {
      faults.push({
        text: `"${text}" (${source}) is left out: it must be one of ${setting.choices.join(', ')}`,
        isLost: true,
      })
    } else values[name] = { text, source, inFile: said === undefined }
  }
  return { values, faults, file }
}

/** What says where the node is and how to get in; `flag`: the value of --api. */
export function nodeSettings({ values }: Settings, flag: string | undefined): Settings['values'] {
  const api = flag === undefined ? values.api : { text: flag, source: '--api', inFile: false }
  if (api === undefined || api.inFile) return values
  // What config.json has for its own address must not go to another.
  const ours = Object.entries(values).filter(([, value]) => !value.inFile)
  return { ...Object.fromEntries(ours), api }
}

/** What `plugins.ipfs` says; adds what is wrong with it to `faults`. */
function readFile(file: string, faults: Fault[]): ReadonlyMap<string | undefined, string> {
  const found = new Map<string | undefined, string>()
  const known = Object.values<Setting>(SETTINGS).flatMap(({ key }) => key ?? [])
  for (const [key, value] of Object.entries(objectOf(file, faults))) {
    if (OF_DOCKER.includes(key)) continue
    if (!known.includes(key))
      faults.push({
        text: `unknown setting plugins.ipfs.${key} in ${file}; there are ${known.join(', ')}`,
        isLost: false,
      })
    else if (typeof value !== 'string')
      faults.push({ text: `plugins.ipfs.${key} in ${file} is left out: it must be a text`, isLost: true })
    else found.set(key, value)
  }
  return found
}

function objectOf(file: string, faults: Fault[]): object {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    // Not the parser's words: they may quote what stands there, and docker keeps passwords there too.
    const why = error instanceof SyntaxError ? 'it is no JSON' : messageOf(error)
    if (!isMissing) faults.push({ text: `cannot read ${file}: ${why}`, isLost: true })
    return {}
  }
  for (const step of ['plugins', 'ipfs']) {
    value = isObject(value) ? value[step] : undefined
  }
  if (value !== undefined && !isObject(value))
    faults.push({ text: `plugins.ipfs in ${file} is left out: it must be an object`, isLost: true })
  return isObject(value) ? value : {}
}

/** For people: each setting that something was said for, and where. */
export function inEffect({ values }: Settings): string[] {
  return (Object.entries(values) as [SettingName, SettingValue][]).map(
    ([name, { source, inFile }]) => `${inFile ? `plugins.ipfs.${SETTINGS[name as 'api'].key}` : source} is set`,
  )
}
