import { join } from 'node:path'
import { homeOf } from '../../home.ts'

export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Value of docker's --config. */
  readonly folder?: string | undefined
}

/** Path of docker's config.json, which need not be there (docker/cli `cli/config/config.go`, Dir). */
export function configFile({ env, folder }: ConfigSources): string {
  return join(folder || env['DOCKER_CONFIG'] || join(homeOf(env), '.docker'), 'config.json')
}
