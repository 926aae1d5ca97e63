import { parsePlatform } from '../image/platform.ts'
import type { SaveInput } from './input.ts'
import type { SaveTarget } from './target.ts'
import { writeImages } from './write-images.ts'

/*
 * The room of saves: images come from an input (inputs/), and go to a target (targets/).
 *
 * - `SaveInput` (input.ts) says what can be said beforehand, then gives layers as they stream by, and at the end which images
 *   they were. Which is which is known only then, from manifest.json or index.json. One pass does, so that a pipe needs no file.
 * - `SaveTarget` (target.ts) gives the sink for blocks, and what is known already; at the end it pins, names, or counts.
 * - Between them is write-images.ts: layers are cut and packed as they pass, documents and directories are written last.
 *
 * To add an input, such as a push to a registry of ours, implement `SaveInput`: its `read` gives documents and layers to
 * `readSavedImages` (src/image/), as those that are here do. To add a target, such as a sealed image, implement `SaveTarget`. One
 * that only changes where blocks go wraps the sink of another. One with another form than format 1 also brings what writes that
 * form: the calls of `writeLayer` and `writeImage`, both in write-images.ts, then become members of `Place`.
 *
 * A target that keeps whatever it is given says so (`TargetTraits.forgets`), and is then given nothing that may be another image's.
 * The room may use ports of the engine and the store, the catalogue, format and image; it knows nothing of loads.
 */

export interface SaveOptions {
  /** Of images with several platforms, only this one. */
  readonly platform?: string | undefined
}

/**
 * Saves the images of an input to a target.
 * @throws BAD_FLAG, IMAGE_NOT_FOUND, PLATFORM_NOT_FOUND, ENGINE_*, NODE_*, ARCHIVE_INVALID, INTEGRITY, FILE_FAILED
 */
export async function save<Result>(
  input: SaveInput,
  target: SaveTarget<Result>,
  { platform }: SaveOptions,
): Promise<Result> {
  const asked = platform === undefined ? undefined : parsePlatform(platform)
  return target.take(input, (opened, place) => writeImages(opened, input, place, asked))
}
