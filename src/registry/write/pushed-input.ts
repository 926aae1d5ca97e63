import { DockerIpfsError } from '../../errors.ts'
import type { ImageDag } from '../../format/image-dag.ts'
import type { Layer } from '../../format/layer.ts'
import { blobPath, hexOf } from '../../image/canonical.ts'
import { HEAD_BYTES, packingOf, peek, unpack } from '../../image/decompress.ts'
import type { Config, Descriptor } from '../../image/documents.ts'
import { familiarName } from '../../image/name.ts'
import type { SavedImage, SavedPlatform } from '../../image/saved/saved-image.ts'
import { verified } from '../../image/verified.ts'
import type { InputOptions, OpenInput, SaveInput } from '../../save/input.ts'
import { abortable, type Bytes, sha256 } from '../../streams.ts'

/** The image of one platform, as it was pushed. */
export interface PushedPlatform {
  readonly configBytes: Uint8Array
  readonly config: Config
  /** As many as the config has diffIDs. */
  readonly layers: readonly Descriptor[]
}

export interface PushedImage {
  /** Full name. */
  readonly name: string
  /** Of the manifest, or the index. */
  readonly digest: string
  readonly platforms: readonly PushedPlatform[]
  /** The bytes of a blob that is here. */
  readonly open: (blob: Descriptor, signal: AbortSignal) => Bytes
}

/** An image that was pushed, for a save: its blobs are here already, and most layers have been made while they came. */
export function pushedInput({ name, digest, platforms, open }: PushedImage): SaveInput {
  const [first] = platforms
  const isOne = platforms.length === 1
  return {
    name: familiarName(name),
    title: familiarName(name),
    isMany: false,
    again: true,
    wanted: [name],
    look: async () => ({
      imageId: isOne && first !== undefined ? sha256(first.configBytes) : digest,
      names: [name],
      otherNames: [],
      diffIds: platforms.flatMap(({ config }) => config.diffIds),
    }),
    open: async (): Promise<OpenInput> => ({
      hasOthers: false,
      async read(options) {
        const saved: SavedPlatform<Layer>[] = []
        for (const platform of platforms) {
          const layers = await layersOf(platform, open, options)
          saved.push({ configBytes: platform.configBytes, config: platform.config, layers })
        }
        return [{ platforms: saved, names: [name], id: digest, missing: [] }]
      },
      labelsOf: (_: SavedImage<Layer>, dag: ImageDag) => ({
        names: [name],
        imageIds: isOne ? [...new Set([dag.configDigest, digest])] : [digest],
      }),
      close: () => undefined,
    }),
  }
}

async function layersOf(
  { config, layers }: PushedPlatform,
  open: PushedImage['open'],
  options: InputOptions,
): Promise<Layer[]> {
  const made: Layer[] = []
  for (const [at, blob] of layers.entries()) {
    const diffId = config.diffIds[at] ?? ''
    made.push((await known(blob.digest, diffId, options)) ?? (await make(blob, diffId, open, options)))
  }
  return made
}

/** A layer by the digest that it was pushed as; by its diffID only where that tells of the same bytes. */
async function known(digest: string, diffId: string, { findLayer }: InputOptions): Promise<Layer | undefined> {
  const pushed = await findLayer(hexOf(digest), undefined)
  if (pushed?.diffId === diffId) return pushed
  const same = await findLayer(hexOf(diffId), undefined)
  return same?.diffId === diffId && [diffId, same.blobDigest].includes(digest) ? same : undefined
}

async function make(
  blob: Descriptor,
  diffId: string,
  open: PushedImage['open'],
  { onLayer, over }: InputOptions,
): Promise<Layer> {
  const { digest, size } = blob
  const { head, all } = await peek(
    verified(abortable(open(blob, over), over), { digest, size, what: digest }),
    HEAD_BYTES,
  )
  // Bytes that the config calls by their own digest are the tar, whatever they look like.
  const packing = digest === diffId ? 'plain' : packingOf(head)
  const entry = { path: blobPath(digest), key: hexOf(digest), size: packing === 'plain' ? size : undefined }
  const layer = await onLayer(unpack(all, packing), entry)
  if (layer.diffId === diffId) return layer
  throw new DockerIpfsError('ARCHIVE_INVALID', `the layer ${digest} has diffID ${layer.diffId}, and not ${diffId}`)
}
