// The room of copies: other places where images are kept. A remote (remotes.ts) says where one is; it is opened into a `Place`
// (src/store/places.ts), which takes images and tells what it has. What is said of a place stands on this machine alone.

import { chmod, mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { replace } from '../../background/files.ts'
import { DockerIpfsError, messageOf } from '../../errors.ts'
import { isObject, parsedObject } from '../../json.ts'
import { PLACE_KINDS, type Place, type PlaceKind } from '../../store/places.ts'

/** Where a place is, and where the secret is that lets us in. */
export interface Remote {
  readonly name: string
  readonly kind: PlaceKind
  /** A URL; of a node a multiaddr or a socket, too. No secret is in it. */
  readonly url: string
  /** Whole path of a file with the secret. */
  readonly authFile?: string
  /** Whole path of a file with certificates to trust, PEM. */
  readonly ca?: string
  /** Of a cluster: peers that are to have each image. */
  readonly replication?: number
  /** What it says counts for nothing. */
  readonly isUntrusted?: boolean
}

/** The remotes of this user. */
export interface Remotes {
  /** By name. @throws FILE_FAILED */
  all(): Promise<readonly Remote[]>
  /** @throws PLACE_NOT_FOUND, FILE_FAILED */
  find(name: string): Promise<Remote>
  /** Writes one down, in place of what was there under its name. @throws FILE_FAILED */
  put(remote: Remote): Promise<void>
  /** @throws PLACE_NOT_FOUND, FILE_FAILED */
  remove(name: string): Promise<void>
  /** Reads its secret; opens no connection yet. @throws BAD_FLAG, FILE_FAILED */
  open(remote: Remote): Promise<Place>
}

/** What our own node is called among places. */
export const LOCAL = 'local'

/** A name that fits a column and a variable of the environment. */
export function isRemoteName(name: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/.test(name) && name !== LOCAL
}

/** `file`: where they are written down, which need not be there. */
export function createRemotes(file: string, open: Remotes['open']): Remotes {
  const find = async (name: string) => {
    const remotes = await readRemotes(file)
    const found = remotes.find((remote) => remote.name === name)
    if (found !== undefined) return found
    const names = remotes.map((remote) => remote.name).join(', ')
    throw new DockerIpfsError('PLACE_NOT_FOUND', `there is no remote "${name}"`, {
      hint: names === '' ? 'Add it: docker ipfs remote add NAME URL' : `There are ${names}.`,
    })
  }
  return {
    all: () => readRemotes(file),
    find,
    async put(remote) {
      const others = (await readRemotes(file)).filter(({ name }) => name !== remote.name)
      await write(file, [...others, remote])
    },
    async remove(name) {
      await find(name)
      await write(
        file,
        (await readRemotes(file)).filter((remote) => remote.name !== name),
      )
    },
    open,
  }
}

async function readRemotes(file: string): Promise<readonly Remote[]> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return []
    throw new DockerIpfsError('FILE_FAILED', `cannot read ${file}: ${messageOf(cause)}`, { cause })
  }
  const list = parsedObject(text)?.['remotes']
  const remotes = Array.isArray(list) ? list.map(readRemote) : [undefined]
  const sound = remotes.filter((remote) => remote !== undefined)
  const names = new Set(sound.map(({ name }) => name))
  if (sound.length === remotes.length && names.size === remotes.length) return sound
  throw new DockerIpfsError('FILE_FAILED', `${file} is no list of remotes`, {
    hint: 'Move it away, and add them anew: docker ipfs remote add NAME URL',
  })
}

/** Undefined for what has another shape. The file is ours, but anybody's to edit. */
function readRemote(value: unknown): Remote | undefined {
  if (!isObject(value)) return undefined
  const { name, url, authFile, ca, isUntrusted, replication } = value
  const kind = PLACE_KINDS.find((each) => each === value['kind'])
  if (typeof name !== 'string' || !isRemoteName(name) || kind === undefined || typeof url !== 'string') return undefined
  if (![authFile, ca].every((path) => path === undefined || typeof path === 'string')) return undefined
  if (replication !== undefined && !isReplication(replication)) return undefined
  return {
    name,
    kind,
    url,
    ...(typeof authFile === 'string' ? { authFile } : {}),
    ...(typeof ca === 'string' ? { ca } : {}),
    ...(replication === undefined ? {} : { replication }),
    ...(isUntrusted === true ? { isUntrusted } : {}),
  }
}

/** A number of peers. */
export function isReplication(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 1000
}

async function write(file: string, remotes: readonly Remote[]): Promise<void> {
  const folder = dirname(file)
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    // One that is not ours stays as it is.
    await chmod(folder, 0o700).catch(() => undefined)
    const sorted = remotes.toSorted((a, b) => (a.name < b.name ? -1 : 1))
    await replace(file, `${JSON.stringify({ remotes: sorted }, undefined, 2)}\n`)
  } catch (cause) {
    throw new DockerIpfsError('FILE_FAILED', `cannot write ${file}: ${messageOf(cause)}`, { cause })
  }
}
