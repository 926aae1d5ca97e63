import { execa } from 'execa'
import { parseObject, strings } from './answers.ts'
import type { Docker } from './command.ts'

/** A plugin as the docker command sees it. */
export interface PluginInfo {
  readonly version: string
  /** The file that docker starts. */
  readonly path: string
  /** Files of the same name in other plugin folders, which docker passes over. */
  readonly hidden: readonly string[]
}

/** Finds a plugin in docker's own answer about its plugins: `docker info --format '{{json .ClientInfo}}'`. */
export function readPlugin(text: string, name: string): PluginInfo | undefined {
  const { Plugins } = parseObject(text)
  for (const plugin of Array.isArray(Plugins) ? Plugins : []) {
    const { Name, Version, Path, ShadowedPaths } = (plugin ?? {}) as Readonly<Record<string, unknown>>
    if (Name === name) return { version: String(Version), path: String(Path), hidden: strings(ShadowedPaths) }
  }
  return undefined
}

/** A plugin as docker knows it; undefined when it knows none of this name. Needs no engine. */
export async function installedPlugin(
  docker: Pick<Docker, 'run'>,
  name: string,
  signal: AbortSignal,
): Promise<PluginInfo | undefined> {
  return readPlugin(await docker.run(['info', '--format', '{{json .ClientInfo}}'], signal), name)
}

/** How long a plugin may take to say what it is, in milliseconds. */
const ANSWER_MS = 5000

/** Asks a plugin for its version, as docker does; undefined when it is none. */
export async function pluginVersion(
  path: string,
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const options = { env, extendEnv: false, stdin: 'ignore', timeout: ANSWER_MS, cancelSignal: signal } as const
    const { stdout } = await execa(path, ['docker-cli-plugin-metadata'], options)
    const version = parseObject(stdout)['Version']
    return typeof version === 'string' ? version : undefined
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}
