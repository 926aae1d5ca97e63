import type { Engine, EngineInfo, ImageInfo } from '../../engine/engine.ts'
import { isPassageName, withPassage } from '../../engine/passage.ts'
import { DockerIpfsError, hasCode } from '../../errors.ts'
import type { Layer } from '../../format/layer.ts'
import { hexOf } from '../../image/canonical.ts'
import { readSavedImages, type SavedImage } from '../../image/saved/saved-image.ts'
import { sha256 } from '../../streams.ts'
import type { InputOptions } from '../input.ts'
import { ReceivedImage } from './received-image.ts'

export interface PushOptions {
  readonly engine: Pick<Engine, 'push' | 'tag' | 'remove'>
  readonly signal: AbortSignal
}

/**
 * A classic store packs each layer that it sends with gzip, at some 30 MB/s, where it writes an archive at 170: part of an image's bytes in
 * layers that we do not have, up to which a push is quicker.
 */
const MOST_NEW = 0.1

/** Time for the engine to give the image another name, in milliseconds: a cancelled request may still be done. */
const TAG_MS = 10_000

/** Whether an image can be pushed. Its last name is never taken away: so it must have another than that which a push needs. */
export function canPush({ names }: ImageInfo, { can }: EngineInfo): boolean {
  return can.useRegistry && names.some((name) => !isPassageName(name))
}

/**
 * Reads an image that the engine pushes to us, of which it sends only layers that we do not have. Undefined where that is of no use, or failed:
 * there is another way.
 * @throws CATALOGUE_STALE, NODE_*; the reason of `over`
 */
export async function readPushed(
  info: ImageInfo,
  { containerdStore }: EngineInfo,
  options: InputOptions,
  { engine, signal }: PushOptions,
): Promise<SavedImage<Layer> | undefined> {
  const diffIds = [...new Set(info.layers)]
  const known = await knownOf(diffIds, options)
  const unknown = diffIds.filter((diffId) => !known.has(hexOf(diffId)))
  if (!containerdStore && !isMostlyKnown(info, known)) return undefined
  const find = async (hex: string) => known.get(hex) ?? options.findLayer(hex, undefined)
  const rules = {
    find,
    mostLayers: containerdStore ? Number.POSITIVE_INFINITY : unknown.length,
    nameOf: (number: number) => (unknown.length === 1 ? String(unknown[0]) : `new layer ${number}`),
  }
  let received: ReceivedImage | undefined
  const open = (repository: string) => {
    received = new ReceivedImage({ ...rules, repository, signal: AbortSignal.any([signal, options.over]) })
    return received.registry
  }
  const take = async (name: string, limited: AbortSignal) => {
    await engine.tag(info.id, name, AbortSignal.timeout(TAG_MS))
    return takeImage(received as ReceivedImage, (until) => engine.push(name, until), { ...options, find }, limited)
  }
  try {
    const image = await withPassage(open, take, { engine, signal })
    return checked(image, info, received?.digest)
  } catch (error) {
    signal.throwIfAborted()
    if (options.over.aborted) throw options.over.reason
    if (!hasCode(error, ...PASSING)) throw error
    options.anew(info.layers)
    return undefined
  }
}

/** What goes wrong with a push, and may not with an archive. */
const PASSING = ['ARCHIVE_INVALID', 'INTEGRITY', 'ENGINE_FAILED', 'IMAGE_NOT_FOUND', 'FILE_FAILED'] as const

/** Layers by the hex of each digest that engines know them by: they ask for one that was pulled from us by that of our blob. */
async function knownOf(
  diffIds: readonly string[],
  { findLayer }: Pick<InputOptions, 'findLayer'>,
): Promise<Map<string, Layer>> {
  const found = await Promise.all(diffIds.map((diffId) => findLayer(hexOf(diffId), undefined)))
  const layers = found.filter((layer) => layer !== undefined)
  return new Map(layers.flatMap((layer) => [layer.diffId, layer.blobDigest].map((digest) => [hexOf(digest), layer])))
}

function isMostlyKnown({ bytes }: ImageInfo, known: ReadonlyMap<string, Layer>): boolean {
  if (bytes === undefined || known.size === 0) return false
  const there = [...new Set(known.values())].reduce((sum, { tarSize }) => sum + tarSize, 0)
  return bytes - there < MOST_NEW * bytes
}

type ReadOptions = InputOptions & { readonly find: (hex: string) => Promise<Layer | undefined> }

async function takeImage(
  received: ReceivedImage,
  push: (signal: AbortSignal) => Promise<void>,
  { platform, onLayer, find }: ReadOptions,
  signal: AbortSignal,
): Promise<SavedImage<Layer>> {
  const stop = new AbortController()
  const pushing = push(AbortSignal.any([signal, stop.signal]))
  pushing.then(
    () => received.end(),
    (error: unknown) => received.fail(error),
  )
  try {
    const [image, ...more] = await readSavedImages(received.entries(), {
      diffIds: new Set(),
      platform,
      findLayer: find,
      onLayer: (tar, { path, key, size }) => {
        // Of a layer that came under no digest, it is known at the end.
        const entry = {
          path,
          size,
          get key() {
            return key ?? hexAt(received, path)
          },
        }
        return onLayer(tar, entry)
      },
    })
    if (image === undefined || more.length > 0)
      throw new DockerIpfsError('ARCHIVE_INVALID', 'the engine pushed no image')
    return image
  } finally {
    stop.abort(new Error('the image is read'))
    await pushing.catch(() => undefined)
  }
}

function hexAt(received: ReceivedImage, path: string): string | undefined {
  const digest = received.digestAt(path)
  return digest === undefined ? undefined : hexOf(digest)
}

/**
 * A classic store knows an image by its config. A containerd store that lacks a platform of several may push another one alone: what the
 * whole is then, its archive tells.
 */
function checked(image: SavedImage<Layer>, { id }: ImageInfo, pushed: string | undefined): SavedImage<Layer> {
  const configs = image.platforms.map(({ configBytes }) => sha256(configBytes))
  if (pushed === id || configs.every((digest) => digest === id)) return image
  throw new DockerIpfsError('INTEGRITY', 'the engine pushed something else')
}
