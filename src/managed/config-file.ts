import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parsedObject } from '../json.ts'
import { tempFailed } from '../store/car/temp-file.ts'
import { entryOf, USER } from './secret.ts'
import type { KuboSetting } from './settings.ts'

/** What is read of Kubo's config. */
export interface KuboConfig {
  readonly Identity?: { readonly PeerID?: string }
  readonly Addresses?: { readonly API?: unknown }
  readonly API?: { readonly Authorizations?: Readonly<Record<string, unknown>> }
}

/** Undefined when the text is no JSON object. */
export function parse<T extends object>(text: string): T | undefined {
  return parsedObject(text) as T | undefined
}

/** A config with settings, by their keys. */
export function withSettings(config: KuboConfig, settings: readonly KuboSetting[]): KuboConfig {
  const changed: Record<string, unknown> = { ...config }
  for (const [key, value] of settings) set(changed, key.split('.'), value)
  return changed
}

/** A config that lets in who has the secret, and nobody without one; the same object where it does so already. */
export function withSecret(config: KuboConfig, secret: string): KuboConfig {
  const entry = entryOf(secret)
  if (JSON.stringify(config.API?.Authorizations?.[USER]) === JSON.stringify(entry)) return config
  return withSettings(config, [[`API.Authorizations.${USER}`, entry]])
}

function set(object: Record<string, unknown>, [first = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    object[first] = value
    return
  }
  const inner = { ...(object[first] as Record<string, unknown> | undefined) }
  set(inner, rest, value)
  object[first] = inner
}

/**
 * A file in a temp folder while it is used, which everybody may read.
 * @throws FILE_FAILED
 */
export async function withTempFile<T>(name: string, text: string, use: (path: string) => Promise<T>): Promise<T> {
  const parent = tmpdir()
  const failed = (cause: unknown) => Promise.reject(tempFailed(parent, cause))
  const folder = await mkdtemp(join(parent, 'docker-ipfs-')).catch(failed)
  try {
    const path = join(folder, name)
    await writeFile(path, text, { mode: 0o644 }).catch(failed)
    return await use(path)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
