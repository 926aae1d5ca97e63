import type { RepositoryRef } from '../distribution/registry.ts'
import { fullName } from '../image/name.ts'
import { readPlace } from './place.ts'

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
