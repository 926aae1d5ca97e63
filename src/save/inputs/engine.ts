import type { Engine, EngineInfo, ImageInfo, PackedImage } from '../../engine/engine.ts'
import { DockerIpfsError, hasCode } from '../../errors.ts'
import type { Layer } from '../../format/layer.ts'
import { fullName, otherTags } from '../../image/name.ts'
import { engineLacks, LackedBlobs } from '../../image/saved/lacking.ts'
import { readOneImage, readSavedImage, type SavedImage } from '../../image/saved/saved-image.ts'
import { abortable, type Bytes, sha256 } from '../../streams.ts'
import type { InputOptions, Labels, OpenInput, Outline, SaveInput } from '../input.ts'
import { canPush, readPushed } from './by-push.ts'

export interface EngineInputOptions {
  readonly engine: Pick<
    Engine,
    'images' | 'info' | 'inspect' | 'mayReach' | 'pack' | 'push' | 'remove' | 'save' | 'tag'
  >
  readonly signal: AbortSignal
  /** What the engine said of the image, where it has been asked. */
  readonly found?: Promise<ImageInfo | undefined> | undefined
}

/** An image of the engine, by name or ID. */
export function engineInput(image: string, { engine, signal, found }: EngineInputOptions): SaveInput {
  let pushable: { readonly info: ImageInfo; readonly engineInfo: EngineInfo } | undefined
  return {
    name: image,
    title: image,
    isMany: false,
    again: true,
    wanted: [image],
    async look({ givesHints, forgets }): Promise<Outline> {
      const [info, engineInfo] = await Promise.all([
        found ?? engine.inspect(image, signal),
        forgets && (await engine.mayReach(signal)) ? engine.info(signal) : undefined,
      ])
      pushable = info && engineInfo && canPush(info, engineInfo) ? { info, engineInfo } : undefined
      if (info === undefined) throw await notFound(image, givesHints, engine, signal)
      return { imageId: info.id, names: namesFor(image, info), otherNames: info.names, diffIds: info.layers }
    },
    async open(outline: Outline, { forgets }): Promise<OpenInput> {
      const id = outline.imageId ?? ''
      if (!forgets) return opened({ packed: sent(engine.save(id, signal)) }, outline)
      const pack = () => engine.pack(id, signal)
      if (pushable === undefined) return opened({ packed: await pack() }, outline)
      const { info, engineInfo } = pushable
      const push = (options: InputOptions) => readPushed(info, engineInfo, options, { engine, signal })
      return opened({ push, pack }, outline)
    },
  }
}

/** Without a tag `latest` is meant, which may be the only one that is not there. */
async function notFound(
  image: string,
  givesHints: boolean,
  engine: Pick<Engine, 'images'>,
  signal: AbortSignal,
): Promise<DockerIpfsError> {
  const images = await engine.images(signal).catch(() => [])
  signal.throwIfAborted()
  const others = otherTags(
    image,
    images.flatMap(({ names }) => names),
  )
  if (others !== undefined) {
    return new DockerIpfsError('IMAGE_NOT_FOUND', `No such image: ${others.wanted}`, { hint: others.hint })
  }
  const hint = givesHints ? { hint: 'See "docker image ls" for the images of this engine.' } : {}
  return new DockerIpfsError('IMAGE_NOT_FOUND', `No such image: ${image}`, hint)
}

/** The name that the user gave the image, in full; none when it was an ID. */
function namesFor(image: string, { names }: ImageInfo): string[] {
  const full = fullName(image)
  return full !== undefined && names.some((name) => fullName(name) === full) ? [full] : []
}

/** What the engine sends, and nothing else: it is asked when that is read. */
function sent(archive: Bytes): PackedImage {
  return { archive, files: undefined, stop: () => undefined }
}

/** The image is being packed; or the engine is to push it, and to pack it where it does not. */
type Reading =
  | { readonly packed: PackedImage }
  | {
      readonly push: (options: InputOptions) => Promise<SavedImage<Layer> | undefined>
      readonly pack: () => Promise<PackedImage>
    }

function opened(reading: Reading, { imageId, names, diffIds }: Outline): OpenInput {
  let packed = 'packed' in reading ? reading.packed : undefined
  return {
    // Nothing but the layers of its platforms: those that are not wanted now may be wanted next.
    hasOthers: false,
    read: async (options) => {
      const pushed = 'push' in reading ? await reading.push(options) : undefined
      if (pushed !== undefined) return [pushed]
      packed ??= 'pack' in reading ? await reading.pack() : reading.packed
      try {
        return [await readPacked(packed, { imageId, diffIds }, options)]
      } catch (error) {
        const { cause } = hasCode(error, 'ARCHIVE_INVALID') ? error : {}
        throw cause instanceof LackedBlobs ? engineLacks(cause, error) : error
      }
    },
    labelsOf(image: SavedImage<Layer>, _, isOnePlatform: boolean): Labels {
      // The ID stands for all platforms, also those that the engine pulls later.
      const isWhole = image.missing.length === 0 && !isOnePlatform
      return { names, imageIds: isWhole && imageId !== undefined ? [imageId] : [] }
    },
    close: () => packed?.stop(),
  }
}

/**
 * Reads an image while the engine packs it, where that can be seen: a classic store takes seconds before it sends the first byte. Else, and
 * where what was seen is not the image, from the archive that the engine sends. So too where a small one is sent, and gone, before it was read.
 * @throws what `readSavedImage` throws
 */
async function readPacked(
  packed: PackedImage,
  { imageId, diffIds }: Pick<Outline, 'imageId' | 'diffIds'>,
  { over, anew, platform, findLayer, onLayer }: InputOptions,
): Promise<SavedImage<Layer>> {
  // Nothing odd is taken from an engine: `warn` is for archives.
  const options = { platform, findLayer, onLayer, diffIds: new Set(diffIds) }
  if (packed.files !== undefined) {
    const isLayer = (path: string) =>
      path.endsWith('/layer.tar') || options.diffIds.has(path.replace(/^blobs\/sha256\//, 'sha256:'))
    try {
      const image = await readOneImage(packed.files(isLayer, over), options)
      if (image.platforms.every(({ configBytes }) => sha256(configBytes) === imageId)) {
        // Now, so that what it has packed need not be written to the disk: 0.4 s for 382 MB, before the node's own blocks.
        packed.stop()
        return image
      }
    } catch (error) {
      if (over.aborted) throw over.reason
      // Not of the node, and none of ours.
      if (!hasCode(error, 'ARCHIVE_INVALID', 'INTEGRITY', 'ENGINE_FAILED')) throw error
    }
    anew(diffIds)
  }
  return readSavedImage(abortable(packed.archive, over), options)
}
