import { posix } from 'node:path'
import { DockerIpfsError, hasCode } from '../errors.ts'
import { sha256 } from '../streams.ts'
import { pathInArchive } from './archive.ts'
import { blobPath } from './canonical.ts'
import {
  type Config,
  type Descriptor,
  type DocumentSource,
  isArtifact,
  isIndex,
  type OciManifest,
  readArchiveManifest,
  readConfig,
  readIndex,
  readOciManifest,
} from './documents.ts'
import { LackedBlobs } from './lacking.ts'
import { type Platform, platformName, platformOf } from './platform.ts'

/** The image of one platform, as the documents of an archive name it. */
export interface FoundPlatform {
  readonly platform: Platform
  readonly configBytes: Uint8Array
  readonly config: Config
  /** Where its layers lie in the archive, bottom first. */
  readonly layers: readonly FoundLayer[]
}

export interface FoundLayer {
  readonly path: string
  /** The archive may lack it, since it is to be had from elsewhere: base layers of Windows. */
  readonly foreign: boolean
}

/** An image of an archive: one platform or several, each with another manifest. */
export interface FoundImage {
  readonly platforms: readonly FoundPlatform[]
  /** Names as the archive writes them. */
  readonly names: readonly string[]
  /** The digest by which a containerd store calls it; undefined where only docker's manifest.json is there. */
  readonly id: string | undefined
  /** Platforms that its index names and the archive does not have. */
  readonly missing: readonly string[]
  /** Why not all of it can be had, where manifest.json names a platform that is missing. */
  readonly lacking?: DockerIpfsError
}

/** Finds a document of the archive by path, through links. */
export type FindDocument = (path: string) => Uint8Array | undefined

/** Hears of what is strange about an archive, and taken all the same. */
export type Warn = (text: string) => void

/** Manifests and indexes of one archive that are looked at. */
const MAX_MANIFESTS = 1000
/** Indexes within indexes. */
const MAX_DEPTH = 100

const CODE = 'ARCHIVE_INVALID'
const CONFIG_TYPES = ['application/vnd.oci.image.config.v1+json', 'application/vnd.docker.container.image.v1+json', '']

/**
 * The images that an archive holds, in its order: those of index.json (OCI layouts, Docker since 25), else those of
 * manifest.json (Docker before 25, skopeo, podman). Entries for the same manifest are one image with several names; flat
 * entries under one name that differ in their platform are one image. Attestations and what is no image are left out. Without `warn` a config must have the digest that it is called by.
 * @throws ARCHIVE_INVALID, INTEGRITY
 */
export function findImages(find: FindDocument, warn?: Warn): FoundImage[] {
  const index = find('index.json')
  const docker = find('manifest.json')
  if (index === undefined && docker === undefined) {
    throw invalid('it ends before manifest.json, and has no index.json')
  }
  const { images: named, lacking } = docker === undefined ? { images: [] } : dockerImages(docker, find, warn)
  const orElse = { lacking, warn: named.length > 0 ? warn : undefined }
  const listed = index === undefined ? [] : listedImages(index, find, orElse)
  // Of several platforms another may be there.
  if (lacking !== undefined && !listed.some(({ missing }) => missing.length > 0)) throw lacking
  // An index that names nothing says nothing.
  const images = listed.length === 0 ? named : listed
  if (images.length === 0) throw invalid('it names no image')
  if (images === listed && warn !== undefined) tellLeftOut(listed, named, warn)
  return images.map((image) => ({ ...image, names: namesOf(image, named), ...(lacking && { lacking }) }))
}

interface OrElse {
  /** What manifest.json lacks, which is what is wrong then. */
  readonly lacking: DockerIpfsError | undefined
  readonly warn: Warn | undefined
}

/** Classic stores do not look at index.json: what is wrong with it alone is told, where `warn` is there. */
function listedImages(bytes: Uint8Array, find: FindDocument, { lacking, warn }: OrElse): FoundImage[] {
  try {
    return ociImages(bytes, find)
  } catch (error) {
    if (lacking !== undefined) throw lacking
    if (warn === undefined || !hasCode(error, CODE)) throw error
    warn(`taken as manifest.json has it, since index.json cannot be followed: ${error.message}`)
    return []
  }
}

/** `lacking`: the error of the first of which nothing is there. */
type NamedImages = { readonly images: readonly FoundImage[]; readonly lacking?: DockerIpfsError | undefined }

/** What manifest.json names, and index.json does not: Docker since 25 loads what the index names. */
function tellLeftOut(listed: readonly FoundImage[], named: readonly FoundImage[], warn: Warn): void {
  const configs = new Set(listed.flatMap(({ platforms }) => platforms.map(({ configBytes }) => sha256(configBytes))))
  for (const { names, platforms } of named) {
    if (platforms.some(({ configBytes }) => configs.has(sha256(configBytes)))) continue
    const what = names.length === 0 ? 'an image without a name' : names.join(', ')
    warn(`left out, since index.json does not name it, but only manifest.json: ${what}`)
  }
}

/** In archives of Docker the names for classic stores are in manifest.json, those for containerd stores in index.json. */
function namesOf(image: FoundImage, named: readonly FoundImage[]): string[] {
  const configs = image.platforms.map(({ configBytes }) => sha256(configBytes))
  const same = named.filter(({ platforms: [one] }) => one !== undefined && configs.includes(sha256(one.configBytes)))
  return [...new Set([...image.names, ...same.flatMap(({ names }) => names)])]
}

function dockerImages(bytes: Uint8Array, find: FindDocument, warn: Warn | undefined): NamedImages {
  const items = readArchiveManifest(bytes, { what: 'manifest.json of the image archive', code: CODE })
  if (items.length > MAX_MANIFESTS) throw invalid(`it names ${items.length} images`)
  const images = new Map<string, FoundImage>()
  let lacking: DockerIpfsError | undefined
  for (const { config, layers: named, names } of items) {
    const [path, layers] = [pathInArchive(config), named.map(pathInArchive)]
    const key = [path, ...layers].join('\0')
    const before = images.get(key)
    if (before !== undefined) {
      images.set(key, { ...before, names: [...before.names, ...names] })
      continue
    }
    const configBytes = find(path)
    if (configBytes === undefined) {
      lacking ??= invalid(`it lacks the config ${path}`, new LackedBlobs(path, layers))
      continue
    }
    tellName(path, configBytes, warn)
    const found = foundPlatform(
      configBytes,
      layers.map((layer) => ({ path: layer, foreign: false })),
    )
    images.set(key, { platforms: [found], names, id: undefined, missing: [] })
  }
  return { images: [...images.values()], lacking }
}

function ociImages(bytes: Uint8Array, find: FindDocument): FoundImage[] {
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

function foundPlatform(configBytes: Uint8Array, layers: readonly FoundLayer[]): FoundPlatform {
  const config = readConfig(configBytes, { what: 'the image config', code: CODE })
  const { os, architecture, variant } = config
  return { platform: platformOf(os, architecture, variant), configBytes, config, layers }
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

/** Docker goes by the name that manifest.json has for a config, whatever is in it. */
function tellName(path: string, bytes: Uint8Array, warn: Warn | undefined): void {
  try {
    checkName(path, bytes, 'the image config')
  } catch (error) {
    // Of a layout a name is a digest, which containerd holds to it.
    if (warn === undefined || !hasCode(error, 'INTEGRITY') || path.startsWith('blobs/')) throw error
    warn(`${error.message}; it is taken as it is, as docker does`)
  }
}

/** A config's name is its digest, `<hex>.json` before engine 25 and `blobs/sha256/<hex>` since; other tools have others. */
function checkName(path: string, bytes: Uint8Array, what: string): void {
  const hex = posix.basename(path, '.json').replace(/^sha256:/, '')
  const digest = sha256(bytes)
  if (!/^[0-9a-f]{64}$/.test(hex) || digest === `sha256:${hex}`) return
  throw new DockerIpfsError('INTEGRITY', `${what} has digest ${digest}, but is named ${hex}`)
}

function invalid(why: string, cause?: Error): DockerIpfsError {
  return new DockerIpfsError(CODE, `the image archive is incomplete: ${why}`, { cause })
}
