import { readFile } from 'node:fs/promises'
import type { DockerOptions } from './command.ts'

/** Where docker finds the engine. */
export type EnginePlace =
  | { readonly kind: 'socket'; readonly path: string }
  /** A context that has a name: docker has to say where it is. */
  | { readonly kind: 'context' }
  /** TCP, TLS, ssh, a named pipe: docker has to connect. */
  | { readonly kind: 'elsewhere' }

export interface PlaceSearch extends Pick<DockerOptions, 'globals' | 'env'> {
  /** Path of docker's config.json, which need not be there. */
  readonly configFile: string
}

const DEFAULT_HOST = 'unix:///var/run/docker.sock'

/**
 * Goes through what docker goes through, in its order: `--context`, `--host`, DOCKER_HOST, DOCKER_CONTEXT, the context of
 * config.json, the default (docker/cli `cli/command/cli.go`, resolveContextName).
 */
export async function findPlace({ globals, env, configFile }: PlaceSearch): Promise<EnginePlace> {
  const flag = (name: string) => {
    const at = globals.lastIndexOf(name)
    return at < 0 ? undefined : globals[at + 1]
  }
  const usesTls = globals.some((one) => one.startsWith('--tls')) || env['DOCKER_TLS'] || env['DOCKER_TLS_VERIFY']
  if (usesTls) return { kind: 'elsewhere' }
  const context = flag('--context')
  const host = flag('--host') || env['DOCKER_HOST'] || ''
  if (context === undefined && host !== '') return placeOf(host)
  const name = context || env['DOCKER_CONTEXT'] || (await currentContext(configFile))
  return name === '' || name === 'default' ? placeOf(host || DEFAULT_HOST) : { kind: 'context' }
}

/** `host` as docker writes it, e.g. `unix:///var/run/docker.sock`. */
export function placeOf(host: string): EnginePlace {
  const path = /^unix:\/\/(\/.+)$/.exec(host)?.[1]
  return path === undefined ? { kind: 'elsewhere' } : { kind: 'socket', path }
}

async function currentContext(file: string): Promise<string> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'))
    const name = (value as { currentContext?: unknown } | null)?.currentContext
    return typeof name === 'string' ? name : ''
  } catch {
    // None, or one that docker warns of and goes on without.
    return ''
  }
}
