import type { RepositoryRef } from './registry.ts'

/** What a path asks for, by the routes of the spec (spec.md, "Endpoints"). */
export type Target =
  | { readonly kind: 'base' }
  | { readonly kind: 'catalog' }
  | { readonly kind: 'tags'; readonly repository: RepositoryRef }
  | { readonly kind: 'manifest'; readonly repository: RepositoryRef; readonly reference: string }
  | { readonly kind: 'blob'; readonly repository: RepositoryRef; readonly digest: string }
  | { readonly kind: 'uploads'; readonly repository: RepositoryRef }
  | { readonly kind: 'upload'; readonly repository: RepositoryRef; readonly id: string }
  | { readonly kind: 'referrers'; readonly repository: RepositoryRef; readonly digest: string }
  /** A path below /v2/ of a known form, with a name that may not be. */
  | { readonly kind: 'bad'; readonly code: 'NAME_INVALID' | 'TAG_INVALID' | 'DIGEST_INVALID'; readonly what: string }
  /** No path of the protocol. */
  | { readonly kind: 'other' }

const OTHER: Target = { kind: 'other' }

/** The most characters of a repository's name: what docker and distribution take. */
const LONGEST_NAME = 255

// Separators and letters share no character, so that the match is linear.
const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/
const DIGEST = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/
const SHA256 = /^sha256:[a-f0-9]{64}$/
const HOST = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]{0,252})|\[[0-9a-fA-F:]{2,39}\])(?::[0-9]{1,5})?$/

export function isName(text: string): boolean {
  return text.length <= LONGEST_NAME && NAME.test(text)
}

/** Whether this is a digest that anything here can have: `sha256:<hex>`. */
export function isSha256(text: string): boolean {
  return SHA256.test(text)
}

/** Whether a reference is a digest, of any kind, or else a tag. */
export function isDigest(text: string): boolean {
  return text.includes(':')
}

/**
 * Reads the path of a request as it was sent: nothing in it is resolved. Only digests may be percent-encoded, since some clients do
 * so with their colon; what comes of it must have the form of one all the same.
 * @param namespace what stands behind `?ns=`
 */
export function targetOf(path: string, namespace: string | undefined): Target {
  if (path === '/v2' || path === '/v2/') return { kind: 'base' }
  if (!path.startsWith('/v2/')) return OTHER
  if (path === '/v2/_catalog') return { kind: 'catalog' }
  const parts = path.slice('/v2/'.length).split('/')
  const route = routeOf(parts)
  if (route === undefined) return OTHER
  const name = parts.slice(0, route.nameParts).join('/')
  if (!isName(name)) return bad('NAME_INVALID', name)
  if (namespace !== undefined && !HOST.test(namespace)) return bad('NAME_INVALID', namespace)
  return route.target({ path: name, namespace })
}

interface Route {
  /** So many parts of the path are the repository's name. */
  readonly nameParts: number
  target(repository: RepositoryRef): Target
}

/** By the end of the path: a name may have any of these words in it. */
function routeOf(parts: readonly string[]): Route | undefined {
  const [third, second, last] = [parts.at(-3), parts.at(-2) ?? '', parts.at(-1) ?? '']
  const behind = (count: number, target: Route['target']): Route => ({ nameParts: parts.length - count, target })
  if (second === 'tags' && last === 'list') return behind(2, (repository) => ({ kind: 'tags', repository }))
  if (third === 'blobs' && second === 'uploads') {
    return behind(3, (repository) =>
      last === '' ? { kind: 'uploads', repository } : { kind: 'upload', repository, id: last },
    )
  }
  if (second === 'blobs' && last === 'uploads') return behind(2, (repository) => ({ kind: 'uploads', repository }))
  if (second === 'blobs') return behind(2, byDigest('blob', last))
  if (second === 'referrers') return behind(2, byDigest('referrers', last))
  if (second === 'manifests') return behind(2, byReference(last))
  return undefined
}

function byDigest(kind: 'blob' | 'referrers', encoded: string): Route['target'] {
  const digest = decoded(encoded)
  return (repository) => (hasDigestForm(digest) ? { kind, repository, digest } : bad('DIGEST_INVALID', encoded))
}

function byReference(encoded: string): Route['target'] {
  const reference = decoded(encoded)
  const [fits, code] = isDigest(reference)
    ? ([hasDigestForm(reference), 'DIGEST_INVALID'] as const)
    : ([TAG.test(reference), 'TAG_INVALID'] as const)
  return (repository) => (fits ? { kind: 'manifest', repository, reference } : bad(code, encoded))
}

/** A sha256 digest has to be whole; of another kind only the form is known. */
function hasDigestForm(digest: string): boolean {
  return digest.startsWith('sha256:') ? isSha256(digest) : digest.length <= LONGEST_NAME && DIGEST.test(digest)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function bad(code: 'NAME_INVALID' | 'TAG_INVALID' | 'DIGEST_INVALID', what: string): Target {
  return { kind: 'bad', code, what }
}
