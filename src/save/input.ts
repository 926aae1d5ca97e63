import type { ImageDag } from '../format/image-dag.ts'
import type { Layer } from '../format/layer.ts'
import type { Platform } from '../image/platform.ts'
import type { SavedImage, SavedImageOptions } from '../image/saved/saved-image.ts'

/** Where images come from: an engine, or an archive. */
export interface SaveInput {
  /** For messages: the image as it was named, or the file. */
  readonly name: string
  /** What is saved, for messages: `app:1`, or `the images of app.tar`. */
  readonly title: string
  /** Whether it may be several images. */
  readonly isMany: boolean
  /** Whether it can be read more than once; a pipe cannot. */
  readonly again: boolean
  /** Names of images whose earlier versions are likely to share blocks with this. */
  readonly wanted: readonly string[]
  /**
   * What can be said before anything is read.
   * @throws IMAGE_NOT_FOUND, ENGINE_*
   */
  look(target: TargetTraits): Promise<Outline>
  /** Begins: an engine packs from now on. To be closed. */
  open(outline: Outline, target: TargetTraits): Promise<OpenInput>
}

/** What an input needs to know of the target. */
export interface TargetTraits {
  /**
   * It forgets blocks that belong to no image, as a node does. Else nothing may be read of which it is seen only afterwards that it was
   * of another image.
   */
  readonly forgets: boolean
  /** It says what can be done about an image that is not there. */
  readonly givesHints: boolean
}

/** What is known of an input before it is read; nothing of an archive. */
export interface Outline {
  /** The engine's ID of the image, `sha256:<hex>`. */
  readonly imageId: string | undefined
  /** Full names that the image is to have in the catalogue. */
  readonly names: readonly string[]
  /** Other names that it has where it is. */
  readonly otherNames: readonly string[]
  /** Of its layers, bottom first. */
  readonly diffIds: readonly string[]
}

/** An input that is being read. */
export interface OpenInput {
  /** Whether there may be what is no layer of its images, and looks like one. */
  readonly hasOthers: boolean
  /**
   * Reads all images, in its order; layers are given to `options.onLayer` as they stream by.
   * @throws ARCHIVE_INVALID, INTEGRITY, FILE_FAILED, PLATFORM_NOT_FOUND, ENGINE_*
   */
  read(options: InputOptions): Promise<SavedImage<Layer>[]>
  /** What the catalogue is to call an image that was read. */
  labelsOf(image: SavedImage<Layer>, dag: ImageDag, isOnePlatform: boolean): Labels
  /** Ends what is under way. */
  close(): void
}

export interface InputOptions extends Required<Pick<SavedImageOptions<Layer>, 'findLayer' | 'onLayer' | 'warn'>> {
  /** Of images with several platforms, only this one. */
  readonly platform: Platform | undefined
  /** Nobody takes anything any more once it is aborted; it has the reason. */
  readonly over: AbortSignal
  /** It is read once more: of what was taken so far, only layers with one of these diffIDs are surely of it. */
  readonly anew: (diffIds: readonly string[]) => void
}

export interface Labels {
  /** In full. */
  readonly names: readonly string[]
  /** IDs by which engines call it. */
  readonly imageIds: readonly string[]
}
