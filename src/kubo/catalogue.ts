import { isDeepStrictEqual } from 'node:util'
import type { KuboRPCClient } from 'kubo-rpc-client'
import { type CID, parseCid } from '../dag/cid.ts'
import type { Layer } from '../dag/layer.ts'
import { DockerIpfsError, messageOf } from '../errors.ts'
import { collect } from '../streams.ts'
import type { Endpoint } from './endpoint.ts'
import { type ImageRecord, readImageRecord, readLayerRecord, writeLayerRecord } from './records.ts'
import { nodeError } from './rpc.ts'

/** Where the catalogue stands in the node's MFS, visible in its web UI and safe from its GC. */
const TOP = '/docker-ipfs'
const MAX_RECORD = 4 * 1024 * 1024

/** An entry of a folder. */
export interface CatalogueLink {
  readonly name: string
  readonly cid: CID
}

/** What a save adds to the catalogue. */
export interface CatalogueEntry {
  readonly root: CID
  readonly record: ImageRecord
  /** By the keys that a layer can be found under. Their blobs are part of the image, so that GC leaves them. */
  readonly layers: ReadonlyMap<string, Layer>
}

/**
 * The names and layers that the node keeps:
 *
 *     images/docker.io/library/nginx:1.27    the image DAG
 *     ids/<hex>                              the image DAG, by the engine's image ID
 *     layers/<hex>/                          layer.json and the blob, by diffID or by the layer's name in an archive
 *     records/<root CID>.json                what is known of an image
 *
 * Whatever is missing there, or was edited by hand into something else, counts as not known: a save then does the full work
 * and writes it anew.
 */
export class Catalogue {
  readonly #client: KuboRPCClient
  readonly #endpoint: Endpoint
  /** What was found at paths; forgotten when something is written. */
  #found = new Map<string, Promise<Found | undefined>>()
  #unflushed = 0

  constructor(client: KuboRPCClient, endpoint: Endpoint) {
    this.#client = client
    this.#endpoint = endpoint
  }

  /** The image that the engine calls by this ID. */
  async findImage(imageId: string, signal: AbortSignal): Promise<{ root: CID; record: ImageRecord } | undefined> {
    const root = (await this.#find(`ids/${hexOf(imageId)}`, signal))?.cid
    if (root === undefined) return undefined
    const record = readImageRecord(await this.#read(recordPath(root), signal))
    return record?.root === root.toString() && record.imageIds.includes(imageId) ? { root, record } : undefined
  }

  /** A layer by its diffID or the name it has in the engine's archives; both are hex of 32 bytes. */
  async findLayer(key: string, signal: AbortSignal): Promise<Layer | undefined> {
    const layer = readLayerRecord(await this.#read(`layers/${key}/layer.json`, signal))
    if (layer === undefined) return undefined
    const blob = await this.#find(`layers/${key}/${hexOf(layer.blobDigest)}`, signal)
    const { cid, fileSize, dagSize } = layer.blob
    const isThere = blob?.cid.equals(cid) && blob.fileSize === fileSize && blob.dagSize === dagSize
    return isThere ? layer : undefined
  }

  /** The image that has this full name. */
  async findName(name: string, signal: AbortSignal): Promise<CID | undefined> {
    return (await this.#find(`images/${name}`, signal))?.cid
  }

  /** The images of a repository (`docker.io/library/nginx`), the one with this name first. */
  async findVersions(name: string, repository: string, signal: AbortSignal): Promise<CID[]> {
    const at = repository.lastIndexOf('/')
    const folder = await this.#find(`images/${repository.slice(0, at)}`, signal)
    const entries = folder === undefined ? undefined : await this.#ask(signal, (limited) => this.#list(folder, limited))
    const versions = (entries ?? []).filter((entry) => entry.name.startsWith(`${repository.slice(at + 1)}:`))
    const tag = name.slice(at + 1)
    const first = versions.filter((entry) => entry.name === tag)
    const others = versions.filter((entry) => entry.name !== tag).sort((a, b) => (a.name < b.name ? 1 : -1))
    return [...first, ...others].map((entry) => entry.cid)
  }

  /** What is in a folder; undefined where there is none, or where a part of it is lost. */
  async entries(path: string, signal: AbortSignal): Promise<CatalogueLink[] | undefined> {
    const folder = await this.#find(path, signal)
    // Only a file has a size of its own.
    if (folder === undefined || folder.fileSize > 0) return undefined
    return this.#ask(signal, (limited) => this.#list(folder, limited))
  }

  /** What is known of an image. */
  async record(root: CID, signal: AbortSignal): Promise<ImageRecord | undefined> {
    const record = readImageRecord(await this.#read(recordPath(root), signal))
    return record?.root === root.toString() ? record : undefined
  }

  /** Bytes of the blobs of an image and of the nodes above them; undefined for what is no image, or has lost its top. */
  async sizeOf(root: CID, signal: AbortSignal): Promise<number | undefined> {
    const path = `/ipfs/${root}/blobs`
    const stat = await this.#ask(signal, (limited) => this.#client.files.stat(path, { signal: limited, ...OFFLINE }))
    return stat?.cumulativeSize
  }

  /** The diffID of the layer that is kept under this key; undefined when it is not readable. */
  async layerOf(key: string, signal: AbortSignal): Promise<string | undefined> {
    return readLayerRecord(await this.#read(`layers/${key}/layer.json`, signal))?.diffId
  }

  /** Takes entries away; what they link to is GC's then, unless something else keeps it. */
  async remove(paths: readonly string[], signal: AbortSignal): Promise<void> {
    for (const path of paths) {
      await this.#remove(path, signal)
      await this.#countWrite(signal)
    }
    await this.#flush(signal)
  }

  /**
   * Writes an image, its names and its layers down. What another save wrote meanwhile is kept. Two that write at once can take
   * a folder away from under each other, and MFS then even loses entries without a word: so it is read back, and written again.
   */
  async add(entry: CatalogueEntry, signal: AbortSignal): Promise<void> {
    for (let round = 1; ; round += 1) {
      try {
        await this.#add(entry, signal)
        if (await this.#has(entry, signal)) return
      } catch (error) {
        if (round === MAX_ROUNDS || signal.aborted || !isAnswer(error)) throw error
      }
      if (round === MAX_ROUNDS) throw new DockerIpfsError('NODE_FAILED', 'what was written to it does not stay there')
    }
  }

  async #has({ root, record }: CatalogueEntry, signal: AbortSignal): Promise<boolean> {
    const images = await Promise.all(record.imageIds.map((id) => this.findImage(id, signal)))
    const names = await Promise.all(record.names.map((name) => this.findName(name, signal)))
    return images.every((image) => image?.root.equals(root)) && names.every((cid) => cid?.equals(root))
  }

  async #add({ root, record, layers }: CatalogueEntry, signal: AbortSignal): Promise<void> {
    this.#found.clear()
    const path = recordPath(root)
    const before = readImageRecord(await this.#read(path, signal))
    const merged = before === undefined ? record : merge(before, record)
    for (const [key, layer] of layers) {
      const there = await this.findLayer(key, signal)
      if (there !== undefined && isDeepStrictEqual(writeLayerRecord(there), writeLayerRecord(layer))) continue
      // Not sent as blocks and then linked: GC might take them in between. The blob is part of the image, which is pinned.
      await this.#remove(`layers/${key}`, signal)
      await this.#write(`layers/${key}/layer.json`, writeLayerRecord(layer), signal)
      await this.#link(`layers/${key}/${hexOf(layer.blobDigest)}`, layer.blob.cid, signal)
    }
    for (const id of record.imageIds) await this.#replace(`ids/${hexOf(id)}`, root, signal)
    for (const name of record.names) await this.#replace(`images/${name}`, root, signal)
    if (before === undefined) await this.#remove(path, signal)
    await this.#write(path, Buffer.from(JSON.stringify(merged)), signal)
    await this.#flush(signal)
  }

  async #replace(path: string, cid: CID, signal: AbortSignal): Promise<void> {
    await this.#remove(path, signal)
    await this.#link(path, cid, signal)
  }

  /** Links a path where nothing is to a CID. */
  async #link(path: string, cid: CID, signal: AbortSignal): Promise<void> {
    const options = { parents: true, flush: false, signal, ...OFFLINE }
    try {
      await this.#client.files.cp(cid, `${TOP}/${path}`, options)
    } catch (error) {
      // Another save was quicker.
      if (!/already has entry/.test(messageOf(error))) throw error
    }
    await this.#countWrite(signal)
  }

  async #write(path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const options = { create: true, parents: true, truncate: true, flush: false, signal }
    await this.#client.files.write(`${TOP}/${path}`, bytes, options)
    await this.#countWrite(signal)
  }

  /** Takes away what is at a path, if anything. With force: else Kubo looks at it first, and waits if it is lost. */
  async #remove(path: string, signal: AbortSignal): Promise<void> {
    await this.#client.files.rm(`${TOP}/${path}`, { recursive: true, signal, ...FORCE })
  }

  async #countWrite(signal: AbortSignal): Promise<void> {
    this.#unflushed += 1
    if (this.#unflushed >= MAX_UNFLUSHED) await this.#flush(signal)
  }

  async #flush(signal: AbortSignal): Promise<void> {
    await this.#client.files.flush(TOP, { signal })
    this.#unflushed = 0
    this.#found.clear()
  }

  /**
   * What is at a path. Asked for it, MFS would wait for ever for a block that the node has lost, with the folder locked for
   * everybody, GC too. So it is asked for nothing but the CID of the catalogue; from there each step is looked up in the
   * node's own repository. (Of a path of several steps Kubo would look for the blocks between elsewhere, offline or not.)
   */
  #find(path: string, signal: AbortSignal): Promise<Found | undefined> {
    const found = this.#found.get(path) ?? this.#step(path, signal)
    this.#found.set(path, found)
    return found
  }

  async #step(path: string, signal: AbortSignal): Promise<Found | undefined> {
    const at = path.lastIndexOf('/')
    const folder = path === '' ? undefined : await this.#find(path.slice(0, Math.max(at, 0)), signal)
    if (folder === undefined && path !== '') return undefined
    const full = folder === undefined ? TOP : `/ipfs/${folder.cid}/${path.slice(at + 1)}`
    return this.#ask(signal, async (limited) => {
      const { cid, size, cumulativeSize } = await this.#client.files.stat(full, { signal: limited, ...OFFLINE })
      return { cid: parseCid(cid.toString()), fileSize: size, dagSize: cumulativeSize }
    })
  }

  async #read(path: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const at = path.lastIndexOf('/')
    const folder = await this.#find(path.slice(0, at), signal)
    if (folder === undefined) return undefined
    return this.#ask(signal, (limited) => {
      const bytes = this.#client.cat(`/ipfs/${folder.cid}${path.slice(at)}`, { signal: limited, ...OFFLINE })
      return collect(bytes, MAX_RECORD, path)
    })
  }

  async #list({ cid }: Found, signal: AbortSignal): Promise<CatalogueLink[]> {
    const found: CatalogueLink[] = []
    for await (const entry of this.#client.ls(cid, { signal, ...OFFLINE, ...NAMES_ONLY })) {
      // What is no folder, or an empty one, comes as one entry without a name.
      if (entry.name) found.push({ name: entry.name, cid: parseCid(entry.cid.toString()) })
    }
    return found
  }

  /** Whatever the node has against a question, or no answer in time, means: not known. */
  async #ask<T>(signal: AbortSignal, ask: (limited: AbortSignal) => Promise<T>): Promise<T | undefined> {
    const limit = AbortSignal.timeout(LOOK_MS)
    try {
      return await ask(AbortSignal.any([signal, limit]))
    } catch (error) {
      if (!signal.aborted && (limit.aborted || isAnswer(error))) return undefined
      throw nodeError(error, this.#endpoint, signal)
    }
  }
}

interface Found {
  readonly cid: CID
  readonly fileSize: number
  readonly dagSize: number
}

/** Time for one look, in milliseconds: they are answered from the repository alone. */
const LOOK_MS = 10_000

/** Tries to write an entry. */
const MAX_ROUNDS = 4

/** Kubo refuses to write when 256 writes of all its callers have not been flushed. */
const MAX_UNFLUSHED = 64

/** Options of Kubo that kubo-rpc-client passes on without naming them. */
const OFFLINE = { offline: true }
const FORCE = { force: true }
const NAMES_ONLY = { size: false, resolveType: false }

/** True for what the node answered, and for a document that is too large. */
function isAnswer(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return 'response' in error || ('code' in error && error.code === 'INTEGRITY')
}

export function recordPath(root: CID): string {
  return `records/${root}.json`
}

export function hexOf(digest: string): string {
  return digest.replace(/^sha256:/, '')
}

function merge(before: ImageRecord, now: ImageRecord): ImageRecord {
  return {
    ...now,
    names: [...new Set([...before.names, ...now.names])],
    imageIds: [...new Set([...before.imageIds, ...now.imageIds])],
    savedAt: before.savedAt,
  }
}
