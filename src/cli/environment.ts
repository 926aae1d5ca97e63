import { basename } from 'node:path'
import { SECRET_VARIABLES } from '../copies/remotes/secret-variable.ts'
import { withHanded } from '../door/handed.ts'
import { configFile } from '../engine/docker/config-file.ts'
import type { Defaults } from './parse.ts'
import { readSettings, SETTINGS, type Settings } from './settings.ts'

/** What the environment says. Read here and nowhere else. */
export interface Environment {
  readonly all: NodeJS.ProcessEnv
  /** The docker command to start: the one that started us, else the one on PATH. */
  readonly docker: string
  /** Address of docker's plugin socket. */
  readonly pluginSocket: string | undefined
  readonly completionDescriptions: boolean
  /** The locale says that terminals have only ASCII. Where it says nothing they mostly have all. */
  readonly isAscii: boolean
  readonly settings: Settings
  /** What flags are that are not given. */
  readonly defaults: Defaults
  /** What docker is started with: no secret of ours is in it. */
  readonly forDocker: NodeJS.ProcessEnv
}

/** `dockerGlobals`: docker's own flags, of which --config counts. */
export function readEnvironment(
  dockerGlobals: readonly string[] = [],
  env: NodeJS.ProcessEnv = withHanded(process.env),
): Environment {
  const at = dockerGlobals.lastIndexOf('--config')
  const file = configFile({ env, folder: at < 0 ? undefined : dockerGlobals[at + 1] })
  const settings = readSettings({ env, file })
  const ours = Object.values(SETTINGS).map((setting) => setting.env as string)
  return {
    all: env,
    docker: dockerCommand(env['DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND']),
    pluginSocket: env['DOCKER_CLI_PLUGIN_SOCKET'],
    completionDescriptions: env['DOCKER_CLI_DISABLE_COMPLETION_DESCRIPTION'] === undefined,
    isAscii: isAscii(env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || 'UTF-8'),
    settings,
    defaults: { progress: settings.values.progress?.text },
    forDocker: Object.fromEntries(
      Object.entries(env).filter(([name]) => !ours.includes(name) && !name.startsWith(SECRET_VARIABLES)),
    ),
  }
}

function isAscii(locale: string): boolean {
  return !/utf-?8/i.test(locale)
}

/** In completion docker names the plugin itself here: starting that would fork for ever. */
function dockerCommand(original: string | undefined): string {
  if (original === undefined || original === '' || original === process.execPath) return 'docker'
  return basename(original).startsWith('docker-ipfs') ? 'docker' : original
}
