import type { Client } from '../distribution/registry.ts'
import { INDEX_TYPE, MANIFEST_TYPE } from '../image/canonical.ts'

/** Docker reads zstd layers since 23. */
const FIRST_WITH_ZSTD = 23

/** As docker calls manifests and lists of them. */
const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'

/**
 * Whether it is an engine that cannot read zstd. An engine's own builder does not say which engine it is in: for that there is
 * the prefix `plain/` (place.ts).
 */
export function readsNoZstd({ agent }: Client): boolean {
  const version = /^docker\/(\d+)\./.exec(agent)?.[1]
  return version !== undefined && Number(version) < FIRST_WITH_ZSTD
}

/** Whether it takes an index of several platforms: all do but those that say that they take manifests, and no index. */
export function takesIndex({ accepts }: Client): boolean {
  const takesManifests = accepts.some((type) => type === MANIFEST_TYPE || type === DOCKER_MANIFEST)
  return !takesManifests || accepts.some((type) => [INDEX_TYPE, DOCKER_LIST, '*/*', 'application/*'].includes(type))
}
