import { sha256 } from '../../streams.ts'
import { blobPath } from '../canonical.ts'
import {
  type Descriptor,
  type DocumentSource,
  isArtifact,
  isIndex,
  type OciManifest,
  readIndex,
  readOciManifest,
} from '../documents.ts'
import { platformName } from '../platform.ts'
import {
  CODE,
  checkName,
  type FindDocument,
  type FoundImage,
  type FoundPlatform,
  foundPlatform,
  invalid,
} from './found.ts'

/** Manifests and indexes of one archive that are looked at. */
export const MAX_MANIFESTS = 1000
/** Indexes within indexes. */
const MAX_DEPTH = 100

const CONFIG_TYPES = ['application/vnd.oci.image.config.v1+json', 'application/vnd.docker.container.image.v1+json', '']

/**
 * The images that index.json names (OCI image layout specification), each with the platforms that are there.
 * @throws ARCHIVE_INVALID, INTEGRITY
 */
export function ociImages(bytes: Uint8Array, find: FindDocument): FoundImage[] {
  const entries = readIndex(bytes, { what: 'index.json of the image archive', code: CODE })
  if (entries.length > MAX_MANIFESTS) throw invalid(`its index.json names ${entries.length} manifests`)
  const walk = new Walk(find)
  const images = groups(entries, find('manifest.json') === undefined).map((group): FoundImage => {
    const [first] = group
    if (first === undefined) throw invalid('it names no image')
    const parts = group.map((entry) => walk.expand(entry, 'top'))
    return {
      platforms: distinct(parts.flatMap(({ platforms }) => platforms)),
      names: entries
        .filter(({ digest }) => group.some((entry) => entry.digest === digest))
        .flatMap(({ annotations }) => namesIn(annotations)),
      id: group.length === 1 ? first.digest : undefined,
      missing: parts.flatMap(({ missing }) => missing),
    }
  })
  return images.filter(({ platforms }) => platforms.length > 0)
}

/** Entries of index.json that are one image each. */
function groups(entries: readonly Descriptor[], onlyIndex: boolean): Descriptor[][] {
  const unique = [...new Map(entries.map((entry) => [entry.digest, entry])).values()].filter((e) => !isAttestation(e))
  const byName = new Map<string, Descriptor[]>()
  for (const entry of unique) {
    const [name] = namesIn(entry.annotations)
    // Without a name, flat platforms are one image only where nothing but this index says what is one.
    const key = entry.platform === undefined ? entry.digest : (name ?? (onlyIndex ? '' : entry.digest))
    byName.set(key, [...(byName.get(key) ?? []), entry])
  }
  return [...byName.values()].flatMap((group) => {
    const platforms = new Set(group.map(({ platform }) => platform && platformName(platform)))
    return platforms.size === group.length ? [group] : group.map((entry) => [entry])
  })
}

/** containerd and Docker write whole names, skopeo and podman put them where the OCI spec has a tag. */
function namesIn(annotations: Readonly<Record<string, string>>): string[] {
  const full = annotations['io.containerd.image.name']
  const ref = annotations['org.opencontainers.image.ref.name']
  if (full !== undefined) return [full]
  return ref !== undefined && /[:/]/.test(ref) ? [ref] : []
}

interface Expanded {
  readonly platforms: readonly FoundPlatform[]
  readonly missing: readonly string[]
}

const NOTHING: Expanded = { platforms: [], missing: [] }

/** Goes from an entry of index.json to the configs below it. Every document has the digest that names it. */
class Walk {
  readonly #find: FindDocument
  readonly #done = new Map<string, Expanded>()
  #seen = 0

  constructor(find: FindDocument) {
    this.#find = find
  }

  expand(entry: Descriptor, place: 'top' | 'nested', depth = 0): Expanded {
    if (isAttestation(entry)) return NOTHING
    const before = this.#done.get(entry.digest)
    if (before !== undefined) return before
    const expanded = this.#expand(entry, place, depth)
    this.#done.set(entry.digest, expanded)
    return expanded
  }

  #expand(entry: Descriptor, place: 'top' | 'nested', depth: number): Expanded {
    this.#seen += 1
    if (depth > MAX_DEPTH || this.#seen > MAX_MANIFESTS) throw invalid('its indexes name too many manifests')
    const bytes = this.#document(entry)
    if (bytes === undefined) {
      // An engine has only those platforms of an image that somebody pulled.
      if (entry.isArtifact) return NOTHING
      if (place === 'nested') return { platforms: [], missing: [nameOf(entry)] }
      throw invalid(`it lacks the manifest ${blobPath(entry.digest)}`)
    }
    const source: DocumentSource = { what: `${blobPath(entry.digest)} of the image archive`, code: CODE }
    if (isIndex(bytes, source)) {
      const parts = readIndex(bytes, source).map((inner) => this.expand(inner, 'nested', depth + 1))
      const platforms = distinct(parts.flatMap((part) => part.platforms))
      const missing = parts.flatMap((part) => part.missing)
      if (platforms.length === 0 && missing.length > 0) {
        throw invalid(`it lacks the manifests of all platforms (${missing.join(', ')})`)
      }
      return { platforms, missing }
    }
    return isArtifact(bytes, source) ? NOTHING : this.#image(readOciManifest(bytes, source), entry, place)
  }

  #image(manifest: OciManifest, entry: Descriptor, place: 'top' | 'nested'): Expanded {
    if (!CONFIG_TYPES.includes(manifest.config.mediaType)) return NOTHING
    const configBytes = this.#document(manifest.config)
    if (configBytes === undefined) {
      if (place === 'nested') return { platforms: [], missing: [nameOf(entry)] }
      throw invalid(`it lacks the config ${blobPath(manifest.config.digest)}`)
    }
    const layers = manifest.layers.map(({ digest, mediaType }) => ({
      path: blobPath(digest),
      foreign: /\bforeign\b|nondistributable/.test(mediaType),
    }))
    return { platforms: [foundPlatform(configBytes, layers)], missing: [] }
  }

  #document({ digest }: Descriptor): Uint8Array | undefined {
    const path = blobPath(digest)
    const bytes = this.#find(path)
    if (bytes !== undefined) checkName(path, bytes, `${path} of the image archive`)
    return bytes
  }
}

/** The same manifest named twice is one. */
function distinct(platforms: readonly FoundPlatform[]): FoundPlatform[] {
  const key = (found: FoundPlatform) => [sha256(found.configBytes), ...found.layers.map(({ path }) => path)].join('\0')
  return [...new Map(platforms.map((found) => [key(found), found])).values()]
}

/** BuildKit writes what it knows of a build beside the image, as a manifest for no platform. */
function isAttestation({ annotations, platform }: Descriptor): boolean {
  if (annotations['vnd.docker.reference.type'] === 'attestation-manifest') return true
  return platform?.os === 'unknown' && platform.architecture === 'unknown'
}

function nameOf({ platform, digest }: Descriptor): string {
  return platform === undefined ? digest : platformName(platform)
}
