import { chmod, link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Access, authorizationOf, isOpenToOthers } from '../store/kubo/access.ts'

/** The name of our entry in Kubo's API.Authorizations. */
export const USER = 'docker-ipfs'

/** In the words of Kubo; its web UI takes a name and a password, and no other kind of secret. @param password 256 bits in hex */
export function secretOf(password: string): string {
  return `basic:${USER}:${password}`
}

const FORM = new RegExp(secretOf('[0-9a-f]{64}'))

/** Where it is in the folder of a node that runs as a process. */
export function secretFile(folder: string): string {
  return join(folder, 'secret')
}

/** The secret in a text: around one that docker copies stands a tar. */
export function secretIn(text: string): string | undefined {
  return FORM.exec(text)?.[0]
}

/** What lets in whoever has the secret; nothing where there is none. */
export function accessOf(secret: string | undefined): Access {
  return secret === undefined ? {} : { authorization: authorizationOf(secret) }
}

/** The entry in the words of Kubo: it gives all of the API. */
export function entryOf(secret: string) {
  return { AuthSecret: secret, AllowedPaths: ['/api/v0'] }
}

/** The secret in a file; undefined where there is none, or it may not be read. */
export async function readSecret(path: string): Promise<string | undefined> {
  return secretIn(await readFile(path, 'utf8').catch(() => ''))
}

/**
 * The secret in a file of its owner alone, made where there is none. One that others could read is replaced. Of several who
 * make one at once all get the same.
 * @throws where the folder may not be written
 */
export async function keepSecret(path: string): Promise<string> {
  if (!isOpenToOthers(path)) {
    const kept = await readSecret(path)
    if (kept !== undefined) return kept
  }
  const secret = secretOf(Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex'))
  const made = `${path}.${crypto.randomUUID()}`
  try {
    await writeFile(made, `${secret}\n`, { mode: 0o600, flag: 'wx' })
    // Without the rights that an odd umask takes from its owner.
    await chmod(made, 0o600)
    try {
      await link(made, path)
    } catch {
      const others = isOpenToOthers(path) ? undefined : await readSecret(path)
      if (others !== undefined) return others
      await rename(made, path)
    }
  } finally {
    await rm(made, { force: true })
  }
  return secret
}
