/**
 * Image names as docker writes and reads them. Rules: distribution/reference, "normalized" names: a first part with a dot, a
 * colon or a capital letter, or "localhost", is a registry; the default registry is docker.io, its default folder library,
 * the default tag latest.
 */

const REGISTRY = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[a-f0-9:]+\])(?::\d+)?$/i
const PATH = /^(?<path>[a-z0-9]+(?:(?:\.|__?|-+|\/)[a-z0-9]+)*)(?::(?<tag>\w[\w.-]{0,127}))?$/
const MAX_PATH = 255
const ID = /^[0-9a-f]{64}$/

/** `docker.io/library/nginx:latest` for `nginx`; undefined for what is no name with a tag. A short ID is one, and is for the caller to tell apart. */
export function fullName(text: string): string | undefined {
  const at = text.indexOf('/')
  const first = text.slice(0, Math.max(at, 0))
  const isRegistry = /[.:A-Z]/.test(first) || first === 'localhost'
  const registry = isRegistry && first !== 'index.docker.io' ? first : 'docker.io'
  const { path, tag = 'latest' } = PATH.exec(isRegistry ? text.slice(at + 1) : text)?.groups ?? {}
  if (path === undefined || path.length > MAX_PATH || !REGISTRY.test(registry) || ID.test(text)) return undefined
  const folder = registry === 'docker.io' && !path.includes('/') ? 'library/' : ''
  return `${registry}/${folder}${path}:${tag}`
}

/** The name without its tag. */
export function repositoryOf(name: string): string {
  return name.slice(0, name.lastIndexOf(':'))
}

/** A full name as docker shows it: `nginx:latest` for `docker.io/library/nginx:latest`. */
export function familiarName(name: string): string {
  return name.replace(/^docker\.io\/(?:library\/(?=[^/]*$))?/, '')
}

/** Names that a hint lists. */
const MAX_LISTED = 5

/** What to say of a name that is not there, where the same repository has other tags. */
export interface OtherTags {
  /** The name that was looked for, with its tag. */
  readonly wanted: string
  /** `There is app:1.2, app:1.3, 4 more.` */
  readonly hint: string
}

/** The tags that are there of the repository of a name, of all names that are; undefined where there is none. */
export function otherTags(text: string, names: readonly string[]): OtherTags | undefined {
  const full = fullName(text)
  if (full === undefined) return undefined
  const there = names.map(fullName).filter((name) => name !== undefined)
  const others = [...new Set(there)]
    .filter((name) => name !== full && repositoryOf(name) === repositoryOf(full))
    .map(familiarName)
  if (others.length === 0) return undefined
  const more = others.length > MAX_LISTED ? [`${others.length - MAX_LISTED} more`] : []
  return {
    wanted: familiarName(full),
    hint: `There is ${[...others.sort(inOrder).slice(-MAX_LISTED), ...more].join(', ')}.`,
  }
}

/** `app:9` before `app:10`. */
const inOrder = new Intl.Collator('en', { numeric: true }).compare
