import { type BlockSink, type DagNode, joinFile, leafNode, rawBlock, writeDirectory, writeFile } from '../dag/blocks.ts'
import { FORMAT } from '../dag/format.ts'
import type { Layer } from '../dag/layer.ts'
import { END_OF_ARCHIVE, fileHeader, paddingOf } from '../dag/tar-header.ts'
import {
  blobPath,
  type Document,
  dockerManifest,
  document,
  OCI_LAYOUT,
  ociIndex,
  ociManifest,
} from '../image/canonical.ts'

/** The finished image DAG. */
export interface ImageDag {
  readonly root: DagNode
  readonly configDigest: string
  /** The digest of our OCI manifest: the image ID on a containerd store. */
  readonly manifestDigest: string
}

/**
 * Writes everything of an image but its layer blobs, which stand already: the documents, the directory and image.tar
 * (docs/format.md, "The image DAG"). The result is a function of the config bytes and the layers alone.
 */
export async function writeImageDag(
  configBytes: Uint8Array,
  layers: readonly Layer[],
  sink: BlockSink,
): Promise<ImageDag> {
  const config = document(configBytes)
  const refs = layers.map((layer) => ({ digest: layer.blobDigest, size: layer.blob.fileSize, tarSize: layer.tarSize }))
  const manifest = ociManifest(config, refs, FORMAT.version)
  const archive = dockerManifest(
    blobPath(config.digest),
    refs.map((layer) => blobPath(layer.digest)),
  )

  // The order of image.tar: small files first, so that a reader of the stream knows what comes.
  const files = new Map<string, DagNode>()
  const add = async (path: string, doc: Document) => files.set(path, await writeFile(doc.bytes, sink))
  await add('oci-layout', document(Buffer.from(OCI_LAYOUT)))
  await add('index.json', ociIndex(manifest))
  await add('manifest.json', archive)
  await add(blobPath(manifest.digest), manifest)
  await add(blobPath(config.digest), config)
  for (const layer of layers) files.set(blobPath(layer.blobDigest), layer.blob)

  const root = await writeTree(files, await writeTarView(files, sink), sink)
  return { root, configDigest: config.digest, manifestDigest: manifest.digest }
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
