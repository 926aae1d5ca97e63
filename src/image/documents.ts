import { isUtf8 } from 'node:buffer'
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

/** Bytes of one document; docker sets no limit. */
export const MAX_DOCUMENT = 32 * 1024 * 1024

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
  /** It may be no image, but something about one. */
  readonly isArtifact: boolean
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
  return list(parseFirst(bytes, source), source).map((item) => {
    const entry = object(item, source)
    const [Config, Layers, RepoTags] = ['Config', 'Layers', 'RepoTags'].map((key) => field(entry, key))
    if (typeof Config !== 'string') throw bad(source, 'it names no config')
    const layers = list(Layers ?? [], source)
    if (!layers.every((layer) => typeof layer === 'string')) throw bad(source, 'its layers are no names')
    const names = list(RepoTags ?? [], source)
    if (!names.every((name) => typeof name === 'string')) throw bad(source, 'a name is no text')
    return { config: Config, layers, names }
  })
}

export function readConfig(bytes: Uint8Array, source: DocumentSource): Config {
  const config = object(parse(bytes, source), source)
  const diffIds = list(
    exactly('diff_ids', object(exactly('rootfs', config, source) ?? {}, source), source) ?? [],
    source,
  )
  if (!diffIds.every(isDigest)) throw bad(source, 'its diffIDs are no sha256 digests')
  return {
    diffIds,
    os: text(config['os']),
    architecture: text(config['architecture']),
    variant: text(config['variant']),
    created: text(config['created']),
  }
}

/** A field as the format reads it (docs/format.md): docker does not look at the case of letters, and it says so. */
function exactly(name: string, value: Record<string, unknown>, source: DocumentSource): unknown {
  const other = name in value ? undefined : Object.keys(value).find((key) => key.toLowerCase() === name)
  if (other !== undefined) throw bad(source, `the format has "${name}" where it has "${other}"`)
  return value[name]
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
  return Array.isArray(field(value, 'manifests')) && field(value, 'config') === undefined
}

/** Whether a document is a manifest of what is no image, and has no config: artifacts, before OCI 1.1. */
export function isArtifact(bytes: Uint8Array, source: DocumentSource): boolean {
  const value = object(parse(bytes, source), source)
  return field(value, 'config') === undefined && typeof field(value, 'artifactType') === 'string'
}

export function readIndex(bytes: Uint8Array, source: DocumentSource): Descriptor[] {
  const entries = list(field(object(parse(bytes, source), source), 'manifests') ?? [], source)
  const known = entries.filter((entry) => !isOfOtherHash(entry))
  if (known.length === 0 && entries.length > 0) throw bad(source, 'its digests are no sha256 digests')
  return known.map((item) => descriptor(item, source))
}

/** Docker and containerd write sha256 alone; what another tool put beside that is not read here. */
function isOfOtherHash(entry: unknown): boolean {
  const digest = isObject(entry) ? field(entry, 'digest') : undefined
  return typeof digest === 'string' && /^(?!sha256:)[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[\w=-]{32,}$/.test(digest)
}

export function readOciManifest(bytes: Uint8Array, source: DocumentSource): OciManifest {
  const manifest = object(parse(bytes, source), source)
  return {
    config: descriptor(field(manifest, 'config'), source),
    layers: list(field(manifest, 'layers') ?? [], source).map((item) => descriptor(item, source)),
    annotations: texts(field(manifest, 'annotations')),
  }
}

function descriptor(value: unknown, source: DocumentSource): Descriptor {
  const entry = object(value, source)
  const [mediaType, digest, size, annotations, platform, artifactType] = DESCRIPTOR.map((key) => field(entry, key))
  if (!isDigest(digest)) throw bad(source, 'a digest is no sha256 digest')
  if (!Number.isSafeInteger(size) || (size as number) < 0) throw bad(source, 'a size is no number of bytes')
  return {
    mediaType: text(mediaType),
    digest,
    size: size as number,
    annotations: texts(annotations),
    platform: platform === undefined || platform === null ? undefined : readPlatform(object(platform, source)),
    isArtifact: typeof artifactType === 'string',
  }
}

function readPlatform({ os, architecture, variant }: Record<string, unknown>): Platform {
  return platformOf(text(os), text(architecture), text(variant))
}

const DESCRIPTOR = ['mediaType', 'digest', 'size', 'annotations', 'platform', 'artifactType'] as const

/** A field as Go reads it: the last whose name differs in the case of its letters at most. */
function field(value: Record<string, unknown>, name: string): unknown {
  const like = name.toLowerCase()
  return Object.entries(value).findLast(([key]) => key.toLowerCase() === like)?.[1]
}

/** The first value of a document: docker does not look at what stands behind it in manifest.json. */
function parseFirst(bytes: Uint8Array, source: DocumentSource): unknown {
  try {
    return parse(bytes, source)
  } catch (error) {
    const end = endOfValue(bytes)
    if (end === undefined || end === bytes.length) throw error
    return parse(bytes.subarray(0, end), source)
  }
}

/** Where the first list or object of a text ends. */
function endOfValue(bytes: Uint8Array): number | undefined {
  let [depth, isText, isEscaped] = [0, false, false]
  for (const [at, byte] of bytes.entries()) {
    if (isText) {
      if (isEscaped) isEscaped = false
      else if (byte === 0x5c) isEscaped = true
      else if (byte === 0x22) isText = false
    } else if (byte === 0x22) isText = true
    else if (byte === 0x5b || byte === 0x7b) depth += 1
    else if (byte === 0x5d || byte === 0x7d) {
      depth -= 1
      if (depth === 0) return at + 1
    }
  }
  return undefined
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function parse(bytes: Uint8Array, source: DocumentSource): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw bad(source, isUtf8(bytes) ? 'it is no JSON' : 'it is no UTF-8', cause)
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
