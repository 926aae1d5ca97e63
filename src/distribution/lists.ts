import { INDEX_TYPE } from '../image/canonical.ts'
import { type Answer, jsonAnswer, missingAs, refusal } from './answers.ts'
import type { Exchange } from './exchange.ts'
import { isSha256 } from './names.ts'
import type { Registry, RepositoryRef } from './registry.ts'

/** GET tags/list, with `n` and `last`. */
export async function listTags(
  registry: Registry,
  repository: RepositoryRef,
  { query, signal }: Exchange,
): Promise<Answer> {
  const tags = await registry.tags(repository, signal)
  if (tags === undefined) return refusal('NAME_UNKNOWN', `There is no repository ${repository.path} here`)
  return listed(tags, query, `/v2/${repository.path}/tags/list`, (part) => ({ name: repository.path, tags: part }))
}

/** GET _catalog, which is docker's and not of the spec, with `n` and `last`. */
export async function listRepositories(registry: Registry, { query, signal }: Exchange): Promise<Answer> {
  return listed(await registry.repositories(signal), query, '/v2/_catalog', (repositories) => ({ repositories }))
}

function listed(
  all: readonly string[],
  query: URLSearchParams,
  path: string,
  shape: (part: readonly string[]) => unknown,
): Answer {
  const asked = query.get('n')
  if (asked !== null && !/^\d{1,9}$/.test(asked)) {
    return refusal('PAGINATION_NUMBER_INVALID', `n is no number of entries: ${asked}`)
  }
  const last = query.get('last') ?? ''
  // By code units: neither the place nor the language of the machine changes what `last` means.
  const rest = [...new Set(all)].filter((name) => last === '' || name > last).sort()
  const part = asked === null ? rest : rest.slice(0, Number(asked))
  const next = part.at(-1)
  if (next === undefined || part.length === rest.length) return jsonAnswer(shape(part))
  const more = new URLSearchParams({ n: String(asked), last: next })
  const namespace = query.get('ns')
  if (namespace !== null) more.set('ns', namespace)
  return jsonAnswer(shape(part), { Link: `<${path}?${more}>; rel="next"` })
}

/** GET referrers: an index of those that belong to a manifest, empty where there is none or the manifest is not known. */
export async function listReferrers(
  registry: Registry,
  repository: RepositoryRef,
  digest: string,
  { query, signal }: Exchange,
): Promise<Answer> {
  const all = isSha256(digest) ? await missingAs([], registry.referrers(repository, digest, signal)) : []
  // A plus sign that is not encoded reads as a space, which no media type has.
  const types = query.getAll('artifactType').flatMap((type) => (type === '' ? [] : type.replaceAll(' ', '+')))
  const manifests = all
    .filter(({ artifactType }) => types.length === 0 || types.includes(artifactType ?? ''))
    .map(({ mediaType, digest, size, artifactType, annotations }) => ({
      mediaType,
      digest,
      size,
      artifactType,
      annotations,
    }))
  return jsonAnswer(
    { schemaVersion: 2, mediaType: INDEX_TYPE, manifests },
    types.length === 0 ? {} : { 'OCI-Filters-Applied': 'artifactType' },
    INDEX_TYPE,
  )
}
