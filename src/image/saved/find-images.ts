import { type DockerIpfsError, hasCode } from '../../errors.ts'
import { sha256 } from '../../streams.ts'
import { pathInArchive } from '../archive.ts'
import { readArchiveManifest } from '../documents.ts'
import { MAX_MANIFESTS, ociImages } from './find-oci.ts'
import { CODE, checkName, type FindDocument, type FoundImage, foundPlatform, invalid, type Warn } from './found.ts'
import { LackedBlobs } from './lacking.ts'

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
