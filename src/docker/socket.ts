import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { DockerOptions } from './command.ts'

/** Where docker finds the engine. */
export type Place =
  | { readonly kind: 'socket'; readonly path: string }
  /** A context that has a name: docker has to say where it is. */
  | { readonly kind: 'context' }
  /** TCP, TLS, ssh, a named pipe: docker has to connect. */
  | { readonly kind: 'elsewhere' }

const DEFAULT_HOST = 'unix:///var/run/docker.sock'

/**
 * Goes through what docker goes through, in its order: `--context`, `--host`, DOCKER_HOST, DOCKER_CONTEXT, the context of
 * config.json, the default (docker/cli `cli/command/cli.go`, resolveContextName).
 */
export async function findPlace({ globals, env }: Omit<DockerOptions, 'docker'>): Promise<Place> {
  const flag = (name: string) => {
    const at = globals.lastIndexOf(name)
    return at < 0 ? undefined : globals[at + 1]
  }
  const usesTls = globals.some((one) => one.startsWith('--tls')) || env['DOCKER_TLS'] || env['DOCKER_TLS_VERIFY']
  if (usesTls) return { kind: 'elsewhere' }
  const context = flag('--context')
  const host = flag('--host') || env['DOCKER_HOST'] || ''
  if (context === undefined && host !== '') return placeOf(host)
  const name = context || env['DOCKER_CONTEXT'] || (await currentContext(flag('--config'), env))
  return name === '' || name === 'default' ? placeOf(host || DEFAULT_HOST) : { kind: 'context' }
}

/** `host` as docker writes it, e.g. `unix:///var/run/docker.sock`. */
export function placeOf(host: string): Place {
  const path = /^unix:\/\/(\/.+)$/.exec(host)?.[1]
  return path === undefined ? { kind: 'elsewhere' } : { kind: 'socket', path }
}

async function currentContext(folder: string | undefined, env: DockerOptions['env']): Promise<string> {
  const config = folder || env['DOCKER_CONFIG'] || join(env['HOME'] || homedir(), '.docker')
  try {
    const value: unknown = JSON.parse(await readFile(join(config, 'config.json'), 'utf8'))
    const name = (value as { currentContext?: unknown } | null)?.currentContext
    return typeof name === 'string' ? name : ''
  } catch {
    // None, or one that docker warns of and goes on without.
    return ''
  }
}
