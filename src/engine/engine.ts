/*
 * The port to a Docker engine: all that use cases know of one. Implementations are in the folders below.
 *
 * `EngineInfo` tells what engines do differently, so that no use case reads a version. This file imports nothing from
 * its implementations.
 *
 * To add an engine: implement `Engine` in a folder beside `docker/`. Its errors are ENGINE_UNREACHABLE and ENGINE_FAILED.
 * What it cannot do is false in `EngineInfo.can`; then all is done in the way that every engine takes. Name the folder in
 * `.dependency-cruiser.cjs`, and make the engine in `cli/context.ts`. A small one to look at: test/support/memory/engine.ts.
 */

import type { ArchiveEntry } from '../image/archive.ts'
import type { Bytes } from '../streams.ts'

/** What the use cases need of a Docker engine. Errors are ENGINE_UNREACHABLE, ENGINE_FAILED, ENGINE_FULL or the signal's reason. */
export interface Engine extends EngineImages, EngineArchives, EngineRegistries {}

/** The images that an engine has. */
export interface EngineImages {
  /** All of them, each once; unnamed ones too, but no step of a build that another is made of. */
  images(signal: AbortSignal): Promise<EngineImage[]>
  /** Looks an image up by name, ID or short ID; undefined when there is none. */
  inspect(image: string, signal: AbortSignal): Promise<ImageInfo | undefined>
  /** The layers (diffIDs, bottom first) of each of these images; one that goes meanwhile may be left out. */
  layersOf(ids: readonly string[], signal: AbortSignal): Promise<string[][]>
  /** Whether the engine has everything that an image is made of. Undefined where it cannot tell, or has no such image. */
  isWhole(imageId: string, signal: AbortSignal): Promise<boolean | undefined>
  /** Of the images without a name, the IDs of those of which that is true. Undefined where the engine cannot tell. */
  wholeImages(signal: AbortSignal): Promise<ReadonlySet<string> | undefined>
  /** IDs of those that have neither name nor digest of a registry, and that no container uses, be it stopped. */
  unusedImages(signal: AbortSignal): Promise<string[]>
  tag(image: string, name: string, signal: AbortSignal): Promise<void>
  /** Removes images, by ID; with `force` whatever names they have. */
  remove(images: readonly string[], signal: AbortSignal, options?: { readonly force: boolean }): Promise<void>
}

/** What goes into an engine and comes out of it. */
export interface EngineArchives {
  info(signal: AbortSignal): Promise<EngineInfo>
  /** Bytes that are left on the disk of its images; undefined where that is not a disk of this machine. */
  freeBytes(signal: AbortSignal): Promise<number | undefined>
  /** The archive of `docker save`. It may end too early, without an error: the engine is not heard of in mid-stream. */
  save(image: string, signal: AbortSignal): Bytes
  /** Begins to pack an image, by ID, as for `save`: it packs until it is stopped, and nobody need read it. */
  pack(imageId: string, signal: AbortSignal): Promise<PackedImage>
  /**
   * Sends an archive, as `docker load` does, and gives what that would print; ENGINE_FULL where that is why it has not all of it.
   * @param unpacked hears how many bytes of a layer, as it was sent, are unpacked, by the first 12 digits of its diffID, where the engine says so
   */
  load(archive: Bytes, signal: AbortSignal, unpacked?: Unpacked): Promise<string>
}

export type Unpacked = (layer: string, bytesDone: number) => void

/** What an engine does with registries. `name` has the registry in front: `127.0.0.1:5300/app:1`. */
export interface EngineRegistries {
  /** Whether a registry on 127.0.0.1 here is one to the engine too, as far as can be told: the engine may be in a network of its own. */
  mayReach(signal: AbortSignal): Promise<boolean>
  /** Pushes the image of this name to the registry in it. It stops when the signal is aborted. */
  push(name: string, signal: AbortSignal): Promise<void>
  /**
   * Pulls an image, which has this name then.
   * @param unpacked as for `load`, by the first 12 digits of the digest of its blob
   */
  pull(name: string, signal: AbortSignal, unpacked?: Unpacked): Promise<void>
}

export interface EngineInfo {
  /** Engine version, e.g. "26.1.5"; of builds of one's own often a word. */
  readonly version: string
  /** What it is, where it is no Docker but answers as that: "Podman". */
  readonly product?: string
  /** True for the containerd image store, false for a graph driver. */
  readonly containerdStore: boolean
  /** "linux" or "windows"; empty when the engine does not say. */
  readonly os: string
  /** As the engine's machine calls it, e.g. "x86_64"; empty when the engine does not say. */
  readonly architecture: string
  readonly can: EngineAbilities
}

/** What engines of some versions and stores can do, and others cannot. */
export interface EngineAbilities {
  /** Takes archives whose layers are zstd, and survives that it fails in the middle of one. */
  readonly readZstd: boolean
  /** Layers that an image may have, at most. */
  readonly mostLayers: number
  /** Is content with an archive that lacks layers that it has. */
  readonly leaveOut: boolean
  /** Tells what its store has of an image (API 1.48). */
  readonly tellWhole: boolean
  /** Lists no image of which it lacks a part. */
  readonly listWhole: boolean
  /** Pushes and pulls as Docker does. */
  readonly useRegistry: boolean
}

/** An image that an engine has been asked to pack. */
export interface PackedImage {
  /** The archive that the engine sends. */
  readonly archive: Bytes
  /**
   * The files of the archive while the engine writes them, where that can be seen; it may be another image's: what is read is to be
   * held against the image. They fail with ENGINE_FAILED where one cannot be read, or is gone, as those of a small image are soon.
   * `isLayer`: whether a file of this path is a layer, as a plain tar.
   */
  readonly files: ((isLayer: (path: string) => boolean, signal: AbortSignal) => AsyncIterable<ArchiveEntry>) | undefined
  /** The engine need not go on: it throws away what it has packed. */
  stop(): void
}

export interface EngineImage {
  /** `sha256:<hex>`, as `ImageInfo` has it. */
  readonly id: string
  /** As docker shows them: `nginx:1.27`. */
  readonly names: readonly string[]
  /** As `docker image ls` counts it. */
  readonly bytes: number
}

export interface ImageInfo {
  /** `sha256:<hex>`: the config digest on a classic store, the digest of the manifest or index on a containerd store. */
  readonly id: string
  /** diffIDs of the layers, bottom first; none where a containerd store cannot read the image's config. */
  readonly layers: readonly string[]
  /** As the config has it; undefined where it has none, or where a containerd store does not tell since it lacks a part of the image. */
  readonly author?: string
  readonly names: readonly string[]
  /** When a classic store gave it a name last, ISO 8601; undefined where it never did. Containerd stores have some time for each. */
  readonly namedAt?: string
  /** Bytes of the image's files, as the engine counts them; undefined where it does not say. */
  readonly bytes?: number
}
