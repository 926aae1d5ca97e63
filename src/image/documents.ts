// The room of images as engines know them: archives, their documents, the packing of layers, platforms, and names.
// It reads streams and bytes, and gives back values. It asks no engine and no node; files are opened in input.ts alone.
// What comes from outside is read in documents.ts, archive.ts and archive-files.ts, and believed only where it has the right shape.
// What we write ourselves is in canonical.ts: its bytes are part of the format (docs/format.md), and do not change.
// A new document gets a reader here, which throws with the code it is given; a new kind of archive a branch in find-images.ts.

import { DockerIpfsError, type ErrorCode } from '../errors.ts'
import { isObject } from '../json.ts'
import { type FullPlatform, type Platform, platformOf } from './platform.ts'

/**
 * Reads the JSON documents of images from outside. Nothing that they say is believed before it has the right shape:
 * every function throws with the code it is given, naming the document.
 */
export interface DocumentSource {
  /** What the document is, for the message: "manifest.json". */
  readonly what: string
  readonly code: ErrorCode
}

/** An entry of docker's archive manifest. */
export interface ArchiveManifest {
  readonly config: string
  readonly layers: readonly string[]
  /** `name:tag`, as it is written. */
  readonly names: readonly string[]
}

/** What the image config says of its layers and platform. */
export interface Config {
  /** `sha256:<hex>` each, bottom first. */
  readonly diffIds: readonly string[]
  readonly os: string
  readonly architecture: string
  /** Empty where it says none. */
  readonly variant: string
  /** When the image was built; empty where it does not say. */
  readonly created: string
}

export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly annotations: Readonly<Record<string, string>>
  /** What an index says of a manifest. */
  readonly platform: Platform | undefined
}

export interface OciManifest {
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
  readonly annotations: Readonly<Record<string, string>>
}

export function isDigest(text: unknown): text is string {
  return typeof text === 'string' && /^sha256:[0-9a-f]{64}$/.test(text)
}

/** docker's manifest.json: what `docker save` and `docker load` go by. */
export function readArchiveManifest(bytes: Uint8Array, source: DocumentSource): ArchiveManifest[] {
  return list(parse(bytes, source), source).map((item) => {
    const { Config, Layers, RepoTags } = object(item, source)
    if (typeof Config !== 'string') throw bad(source, 'it names no config')
    const layers = list(Layers ?? [], source)
    if (!layers.every((layer) => typeof layer === 'string')) throw bad(source, 'its layers are no names')
    const names = list(RepoTags ?? [], source).filter((name) => typeof name === 'string')
    return { config: Config, layers, names }
  })
}

export function readConfig(bytes: Uint8Array, source: DocumentSource): Config {
  const config = object(parse(bytes, source), source)
  const diffIds = list(object(config['rootfs'] ?? {}, source)['diff_ids'] ?? [], source)
  if (!diffIds.every(isDigest)) throw bad(source, 'its diffIDs are no sha256 digests')
  return {
    diffIds,
    os: text(config['os']),
    architecture: text(config['architecture']),
    variant: text(config['variant']),
    created: text(config['created']),
  }
}

/** A step of the build, as a config tells it. */
export interface HistoryEntry {
  readonly created: string
  readonly createdBy: string
  readonly comment: string
  /** It made no layer. */
  readonly isEmpty: boolean
}

/** The history of a config; what has not the right shape there is left out, since nothing depends on it. */
export function readHistory(configBytes: Uint8Array, source: DocumentSource): HistoryEntry[] {
  const { history } = object(parse(configBytes, source), source)
  if (!Array.isArray(history)) return []
  return history.filter(isObject).map(({ created, created_by, comment, empty_layer }) => {
    return {
      created: text(created),
      createdBy: text(created_by),
      comment: text(comment),
      isEmpty: empty_layer === true,
    }
  })
}

/** The platform that a config says it is for, in its usual words. */
export function readPlatformOf(configBytes: Uint8Array, source: DocumentSource): FullPlatform {
  const config = object(parse(configBytes, source), source)
  const platform = platformOf(text(config['os']), text(config['architecture']), text(config['variant']))
  return { ...platform, osVersion: text(config['os.version']) }
}

/** Whether a document is an index and no manifest; its media type may be absent. */
export function isIndex(bytes: Uint8Array, source: DocumentSource): boolean {
  const value = object(parse(bytes, source), source)
  return Array.isArray(value['manifests']) && value['config'] === undefined
}

export function readIndex(bytes: Uint8Array, source: DocumentSource): Descriptor[] {
  return list(object(parse(bytes, source), source)['manifests'], source).map((item) => descriptor(item, source))
}

export function readOciManifest(bytes: Uint8Array, source: DocumentSource): OciManifest {
  const manifest = object(parse(bytes, source), source)
  return {
    config: descriptor(manifest['config'], source),
    layers: list(manifest['layers'], source).map((item) => descriptor(item, source)),
    annotations: texts(manifest['annotations']),
  }
}

function descriptor(value: unknown, source: DocumentSource): Descriptor {
  const { mediaType, digest, size, annotations, platform } = object(value, source)
  if (!isDigest(digest)) throw bad(source, 'a digest is no sha256 digest')
  if (!Number.isSafeInteger(size) || (size as number) < 0) throw bad(source, 'a size is no number of bytes')
  return {
    mediaType: text(mediaType),
    digest,
    size: size as number,
    annotations: texts(annotations),
    platform: platform === undefined || platform === null ? undefined : readPlatform(object(platform, source)),
  }
}

function readPlatform({ os, architecture, variant }: Record<string, unknown>): Platform {
  return platformOf(text(os), text(architecture), text(variant))
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function parse(bytes: Uint8Array, source: DocumentSource): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw bad(source, 'it is no JSON', cause)
  }
}

function object(value: unknown, source: DocumentSource): Record<string, unknown> {
  if (!isObject(value)) throw bad(source, 'an object is missing')
  return value
}

function list(value: unknown, source: DocumentSource): unknown[] {
  if (!Array.isArray(value)) throw bad(source, 'a list is missing')
  return value
}

function texts(value: unknown): Record<string, string> {
  if (!isObject(value)) return {}
  return Object.fromEntries(
    Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  )
}

function bad(source: DocumentSource, why: string, cause?: unknown): DockerIpfsError {
  return new DockerIpfsError(source.code, `${source.what} cannot be read: ${why}`, { cause })
}
