import { type BlockSink, rawBlock } from '../dag/blocks.ts'
import { DockerIpfsError } from '../errors.ts'
import {
  blobPath,
  type Document,
  dockerManifest,
  document,
  OCI_LAYOUT,
  ociIndex,
  ociManifest,
  outerIndex,
  platformIndex,
} from '../image/canonical.ts'
import { readConfig, readPlatformOf } from '../image/documents.ts'
import { comparePlatforms, type FullPlatform, platformName } from '../image/platform.ts'
import { type DagNode, joinFile, leafNode, writeDirectory, writeFile } from './files.ts'
import type { Layer } from './layer.ts'
import { FORMAT } from './numbers.ts'
import { END_OF_ARCHIVE, fileHeader, paddingOf } from './tar-header.ts'

/*
 * The whole image around its layers: documents, directories, image.tar. FROZEN (see numbers.ts): which files there are, and in
 * which order (docs/format.md, "Contents of the root", "Platforms" and "image.tar").
 */

/** The finished image DAG. */
export interface ImageDag {
  readonly root: DagNode
  /** Of several platforms, that of the one in manifest.json. */
  readonly configDigest: string
  /** The digest of our OCI manifest, or of the index of several: the image ID on a containerd store. */
  readonly manifestDigest: string
  /** When it was built, as its config says; empty where that does not. */
  readonly created: string
}

/** The image of one platform: the bytes of its config, and its layers, which stand already. */
export interface PlatformParts {
  readonly configBytes: Uint8Array
  readonly layers: readonly Layer[]
}

/** The image DAG of one platform. */
export function writeImageDag(configBytes: Uint8Array, layers: readonly Layer[], sink: BlockSink): Promise<ImageDag> {
  return writeImage([{ configBytes, layers }], sink)
}

/**
 * Writes everything of an image but its layer blobs, which stand already: the documents, the directory and image.tar
 * (docs/format.md, "Contents of the root"). The result is a function of the config bytes and the layers alone: neither the
 * order of the platforms nor how often one is named matters.
 */
export async function writeImage(platforms: readonly PlatformParts[], sink: BlockSink): Promise<ImageDag> {
  const manifests = inOrder(platforms.map(withManifest))
  const [first] = manifests
  if (first === undefined) throw new DockerIpfsError('ARCHIVE_INVALID', 'the image has no platform')
  const shown = manifests.find(({ platform }) => platformName(platform) === SHOWN) ?? first
  const nested = manifests.length === 1 ? undefined : nestedIndex(manifests)
  const archive = dockerManifest(
    blobPath(shown.config.digest),
    shown.layers.map((layer) => blobPath(layer.blobDigest)),
  )

  // The order of image.tar: small files first, so that a reader of the stream knows what comes.
  const files = new Map<string, DagNode>()
  const add = async (path: string, doc: Document) => files.set(path, await writeFile(doc.bytes, sink))
  await add('oci-layout', document(Buffer.from(OCI_LAYOUT)))
  await add('index.json', nested === undefined ? ociIndex(first.manifest) : outerIndex(nested))
  await add('manifest.json', archive)
  if (nested !== undefined) await add(blobPath(nested.digest), nested)
  for (const { manifest, config } of manifests) {
    await add(blobPath(manifest.digest), manifest)
    await add(blobPath(config.digest), config)
  }
  for (const layer of manifests.flatMap(({ layers }) => layers)) files.set(blobPath(layer.blobDigest), layer.blob)

  const root = await writeTree(files, await writeTarView(files, sink), sink)
  const { created } = readConfig(shown.config.bytes, CONFIG)
  return { root, configDigest: shown.config.digest, manifestDigest: (nested ?? first.manifest).digest, created }
}

const CONFIG = { what: 'the image config', code: 'ARCHIVE_INVALID' } as const

/** Of several platforms, the one that manifest.json names for classic stores, if it is there. */
const SHOWN = 'linux/amd64'

interface WithManifest {
  readonly platform: FullPlatform
  readonly config: Document
  readonly layers: readonly Layer[]
  readonly manifest: Document
}

function withManifest({ configBytes, layers }: PlatformParts): WithManifest {
  const config = document(configBytes)
  const refs = layers.map((layer) => ({ digest: layer.blobDigest, size: layer.blob.fileSize, tarSize: layer.tarSize }))
  const platform = readPlatformOf(configBytes, CONFIG)
  return { platform, config, layers, manifest: ociManifest(config, refs, FORMAT.version) }
}

/** Sorted by platform, then digest; each manifest once. */
function inOrder(manifests: readonly WithManifest[]): WithManifest[] {
  const unique = [...new Map(manifests.map((one) => [one.manifest.digest, one])).values()]
  return unique.sort(
    (a, b) => comparePlatforms(a.platform, b.platform) || (a.manifest.digest < b.manifest.digest ? -1 : 1),
  )
}

function nestedIndex(manifests: readonly WithManifest[]): Document {
  return platformIndex(
    manifests.map(({ manifest, platform }) => ({ digest: manifest.digest, size: manifest.size, platform })),
  )
}

/** image.tar: the files as one tar whose contents are links to the same blocks. */
async function writeTarView(files: ReadonlyMap<string, DagNode>, sink: BlockSink): Promise<DagNode> {
  const parts: DagNode[] = []
  let padding = 0
  const between = async (bytes: Uint8Array) => {
    const leaf = rawBlock(Buffer.concat([new Uint8Array(padding), bytes]))
    await sink.put(leaf)
    parts.push(leafNode(leaf))
  }
  for (const [path, file] of files) {
    await between(fileHeader(path, file.fileSize))
    parts.push(file)
    padding = paddingOf(file.fileSize)
  }
  await between(END_OF_ARCHIVE)
  return joinFile(parts, sink)
}

async function writeTree(files: ReadonlyMap<string, DagNode>, tar: DagNode, sink: BlockSink): Promise<DagNode> {
  const top = new Map<string, DagNode>([['image.tar', tar]])
  const blobs = new Map<string, DagNode>()
  for (const [path, file] of files) {
    if (path.startsWith('blobs/sha256/')) blobs.set(path.slice('blobs/sha256/'.length), file)
    else top.set(path, file)
  }
  const sha256 = await writeDirectory(blobs, sink)
  top.set('blobs', await writeDirectory(new Map([['sha256', sha256]]), sink))
  return writeDirectory(top, sink)
}
