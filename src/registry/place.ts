import { type CID, parseCid } from '../dag/cid.ts'
import type { RepositoryRef } from '../distribution/registry.ts'
import { hasCode } from '../errors.ts'
import { fullName, repositoryOf } from '../image/name.ts'
import { parseReference } from '../names/reference.ts'

/** What a repository stands for. */
export type Place =
  /** One image, whose only tag is `latest`. */
  | { readonly kind: 'image'; readonly root: CID }
  /** What a key, a domain or the CID of a publication leads to. `path`: a repository in it; empty for an image itself. */
  | { readonly kind: 'published'; readonly reference: string; readonly path: string }
  /** A repository of the node's catalogue: `docker.io/library/nginx`. */
  | { readonly kind: 'name'; readonly repository: string }

export interface AskedPlace {
  readonly place: Place
  /** Its layers are wanted unpacked. */
  readonly isPlain: boolean
}

/** A CIDv1 in base32. Names of images could look so too; what does is taken for a CID. */
const CID_LIKE = /^b[a-z2-7]{50,}$/

/**
 * Reads a repository's path:
 *
 *     <cid>   <cid>/<name>              an image, or one of a publication
 *     ipns/<key or domain>[/<name>]     the same by a name
 *     nginx   docker.io/library/nginx   the catalogue; with `?ns=` a name below that registry
 *     plain/<any of these>              the same, with unpacked layers
 *
 * Undefined for what can be no repository.
 */
export function readPlace({ path, namespace }: RepositoryRef): AskedPlace | undefined {
  if (namespace !== undefined) {
    const isRegistry = /[.:]/.test(namespace) || namespace === 'localhost'
    return isRegistry ? asked(named(`${namespace}/${path}`), false) : undefined
  }
  const rest = path.startsWith('plain/') ? path.slice('plain/'.length) : path
  return asked(byAddress(rest) ?? named(rest), rest !== path)
}

function asked(place: Place | undefined, isPlain: boolean): AskedPlace | undefined {
  return place && { place, isPlain }
}

/** What a CID, a key or a domain stands for; undefined where there is none. */
function byAddress(path: string): Place | undefined {
  const [first = '', ...rest] = path.split('/')
  if (first === 'ipns' && rest.length > 0) return published(`ipns://${rest.join('/')}`)
  if (!CID_LIKE.test(first)) return undefined
  if (rest.length > 0) return published(`ipfs://${path}`)
  return invalidAsUndefined(() => ({ kind: 'image', root: parseCid(first) }))
}

function published(text: string): Place | undefined {
  return invalidAsUndefined(() => {
    const reference = parseReference(text)
    if (reference.kind === 'name') return undefined
    const by = reference.kind === 'ipns' ? `ipns://${reference.name}` : `ipfs://${reference.cid}`
    return { kind: 'published', reference: by, path: reference.path }
  })
}

/** "ipns" may be a user of a registry too, and a long word a name. */
function invalidAsUndefined(read: () => Place | undefined): Place | undefined {
  try {
    return read()
  } catch (error) {
    if (hasCode(error, 'REFERENCE_INVALID')) return undefined
    throw error
  }
}

function named(path: string): Place | undefined {
  const name = fullName(`${path}:latest`)
  return name === undefined ? undefined : { kind: 'name', repository: repositoryOf(name) }
}

/** What a repository is called in full: `docker.io/library/app` for `app`. Undefined for what nothing can be pushed to: a CID, or an IPNS name. */
export function repositoryNameOf(repository: RepositoryRef): string | undefined {
  const place = readPlace(repository)?.place
  return place?.kind === 'name' ? place.repository : undefined
}

/** The full name that a tag of a repository stands for: `docker.io/library/app:1.2` for `app` and `1.2`. */
export function nameOf(repository: RepositoryRef, tag: string): string | undefined {
  const path = repositoryNameOf(repository)
  return path === undefined ? undefined : fullName(`${path}:${tag}`)
}
