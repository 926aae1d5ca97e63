// The room of the catalogue: what a node keeps for us, in a folder that people see and may edit.
// It may touch a `Folder` (folder.ts), which is its port, and blocks and pins to read (list.ts). It knows no engine and writes no block.
// Images, names and layers are changed through `Catalogue` alone; publications, and what was pulled, through `Publications`.
// A new kind of entry gets a folder of its own, a record in records.ts whose reader gives undefined for whatever has another shape,
// and a line in the table of its class. What is missing or edited is not known, and never an error: the work is then done in full.

import { isDeepStrictEqual } from 'node:util'
import type { CID } from '../dag/cid.ts'
import type { Layer } from '../format/layer.ts'
import { hexOf } from '../image/canonical.ts'
import { repositoryOf } from '../image/name.ts'
import type { FolderEntry } from '../store/folder.ts'
import { replace, type WritableFolder, writeUntilThere } from './folder.ts'
import {
  type ImageRecord,
  MAX_RECORD,
  readImageRecord,
  readLayerRecord,
  readVersions,
  type Version,
  writeLayerRecord,
  writeVersions,
} from './records.ts'

/** Time for writing an image down, in milliseconds: what takes longer is left undone. */
export const CATALOGUE_MS = 30_000

/** Tags of a repository that are remembered as its newest. */
const KEPT_VERSIONS = 3

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
 *     versions/docker.io/library/nginx:.json the tags that were written last
 *
 * Whatever is missing there, or was edited by hand into something else, counts as not known: a save then does the full work
 * and writes it anew.
 */
export class Catalogue {
  readonly #folder: WritableFolder

  constructor(folder: WritableFolder) {
    this.#folder = folder
  }

  /** The image that the engine calls by this ID. */
  async findImage(imageId: string, signal: AbortSignal): Promise<{ root: CID; record: ImageRecord } | undefined> {
    const root = (await this.#folder.find(`ids/${hexOf(imageId)}`, signal))?.cid
    if (root === undefined) return undefined
    const record = readImageRecord(await this.#folder.read(recordPath(root), MAX_RECORD, signal))
    return record?.root === root.toString() && record.imageIds.includes(imageId) ? { root, record } : undefined
  }

  /** Whether an ID leads to an image, whatever is known of that. */
  async hasId(imageId: string, root: CID, signal: AbortSignal): Promise<boolean> {
    return (await this.#folder.find(`ids/${hexOf(imageId)}`, signal))?.cid.equals(root) === true
  }

  /**
   * A layer by its diffID, by the name it has in the engine's archives, or by the digest that it was pushed as; all are hex of 32 bytes.
   * One that was pushed just now may be of no image yet.
   */
  async findLayer(key: string, signal: AbortSignal): Promise<Layer | undefined> {
    return (await this.#layerAt(`layers/${key}`, signal)) ?? this.#layerAt(`originals/uploads/${key}`, signal)
  }

  async #layerAt(path: string, signal: AbortSignal): Promise<Layer | undefined> {
    const layer = readLayerRecord(await this.#folder.read(`${path}/layer.json`, MAX_RECORD, signal))
    if (layer === undefined) return undefined
    const blob = await this.#folder.find(`${path}/${hexOf(layer.blobDigest)}`, signal)
    const { cid, fileSize, dagSize } = layer.blob
    const isThere = blob?.cid.equals(cid) && blob.fileSize === fileSize && blob.dagSize === dagSize
    return isThere ? layer : undefined
  }

  /** The image that has this full name. */
  async findName(name: string, signal: AbortSignal): Promise<CID | undefined> {
    return (await this.#folder.find(`images/${name}`, signal))?.cid
  }

  /** Whether something was pushed under this full name (`Originals`). */
  async hasOriginal(name: string, signal: AbortSignal): Promise<boolean> {
    return (await this.#folder.find(`originals/names/${name}`, signal)) !== undefined
  }

  /**
   * Images of a repository (`docker.io/library/nginx`): the one with this name first, then those that were written last. They may have gone
   * since: their folder, which may have thousands of names, is not looked at where it need not be.
   */
  async findVersions(name: string, repository: string, signal: AbortSignal): Promise<CID[]> {
    const roots = new Map(
      (await this.#versions(repository, signal)).map(({ tag, root }) => [`${repository}:${tag}`, root]),
    )
    const names = new Set([name, ...roots.keys()])
    const found = await Promise.all([...names].map((full) => roots.get(full) ?? this.findName(full, signal)))
    return found.filter((cid) => cid !== undefined)
  }

  async #versions(repository: string, signal: AbortSignal): Promise<readonly Version[]> {
    return readVersions(await this.#folder.read(versionsPath(repository), MAX_RECORD, signal))
  }

  /** What is in a folder; undefined where there is none, or where a part of it is lost. */
  entries(path: string, signal: AbortSignal): Promise<FolderEntry[] | undefined> {
    return this.#folder.entries(path, signal)
  }

  /** What is known of an image. */
  async record(root: CID, signal: AbortSignal): Promise<ImageRecord | undefined> {
    const record = readImageRecord(await this.#folder.read(recordPath(root), MAX_RECORD, signal))
    return record?.root === root.toString() ? record : undefined
  }

  /** All that is in the folder of records: by root CID; by the name of the file, and undefined, for what is no record. */
  async records(signal: AbortSignal): Promise<Map<string, ImageRecord | undefined>> {
    const entries = (await this.#folder.entries('records', signal)) ?? []
    const files = await this.#folder.readAll('records', signal)
    const records = new Map<string, ImageRecord | undefined>()
    for (const { name } of entries) {
      const bytes = files.get(name) ?? (await this.#folder.read(`records/${name}`, MAX_RECORD, signal))
      const record = readImageRecord(bytes)
      if (record !== undefined && name === `${record.root}.json`) records.set(record.root, record)
      else records.set(name, undefined)
    }
    return records
  }

  /** The catalogue as a whole; undefined where there is none. */
  async top(signal: AbortSignal): Promise<CID | undefined> {
    await this.#folder.sync(signal)
    return (await this.#folder.find('', signal))?.cid
  }

  /** The diffID of the layer that is kept under this key; undefined when it is not readable. */
  async layerOf(key: string, signal: AbortSignal): Promise<string | undefined> {
    return readLayerRecord(await this.#folder.read(`layers/${key}/layer.json`, MAX_RECORD, signal))?.diffId
  }

  /** Takes entries away; what they link to is GC's then, unless something else keeps it. */
  async remove(paths: readonly string[], signal: AbortSignal): Promise<void> {
    for (const path of paths) {
      await this.#folder.remove(path, signal)
    }
    await this.#folder.sync(signal)
  }

  /** Writes an image, its names and its layers down. What another save wrote meanwhile is kept. */
  async add(entry: CatalogueEntry, signal: AbortSignal): Promise<void> {
    await writeUntilThere(
      () => this.#add(entry, signal),
      () => this.#has(entry, signal),
      signal,
    )
  }

  async #has({ root, record }: CatalogueEntry, signal: AbortSignal): Promise<boolean> {
    const [images, names] = await Promise.all([
      Promise.all(record.imageIds.map((id) => this.findImage(id, signal))),
      Promise.all(record.names.map((name) => this.findName(name, signal))),
    ])
    return images.every((image) => image?.root.equals(root)) && names.every((cid) => cid?.equals(root))
  }

  async #add({ root, record, layers }: CatalogueEntry, signal: AbortSignal): Promise<void> {
    await this.#folder.sync(signal)
    const path = recordPath(root)
    const before = readImageRecord(await this.#folder.read(path, MAX_RECORD, signal))
    const merged = before === undefined ? record : merge(before, record)
    await this.#addLayers(layers, signal)
    for (const id of record.imageIds) await replace(this.#folder, `ids/${hexOf(id)}`, root, signal)
    for (const name of record.names) await replace(this.#folder, `images/${name}`, root, signal)
    await this.#addVersions(root, record.names, signal)
    if (before === undefined) await this.#folder.remove(path, signal)
    await this.#folder.write(path, Buffer.from(JSON.stringify(merged)), signal)
    await this.#folder.sync(signal)
  }

  /** Writes layers down that are of no image yet. Their blobs must be kept from GC meanwhile. */
  async addLayers(layers: ReadonlyMap<string, Layer>, signal: AbortSignal): Promise<void> {
    const write = async () => {
      await this.#folder.sync(signal)
      await this.#addLayers(layers, signal)
      await this.#folder.sync(signal)
    }
    const isThere = async () => {
      const found = await Promise.all([...layers.keys()].map((key) => this.#layerAt(`layers/${key}`, signal)))
      return found.every((layer) => layer !== undefined)
    }
    await writeUntilThere(write, isThere, signal)
  }

  async #addLayers(layers: ReadonlyMap<string, Layer>, signal: AbortSignal): Promise<void> {
    const found = await Promise.all([...layers.keys()].map((key) => this.#layerAt(`layers/${key}`, signal)))
    for (const [at, [key, layer]] of [...layers].entries()) {
      const there = found[at]
      if (there !== undefined && isDeepStrictEqual(writeLayerRecord(there), writeLayerRecord(layer))) continue
      // Not sent as blocks and then linked: GC might take them in between. The blob is part of the image, which is pinned.
      await this.#folder.remove(`layers/${key}`, signal)
      await this.#folder.write(`layers/${key}/layer.json`, writeLayerRecord(layer), signal)
      await this.#folder.link(`layers/${key}/${hexOf(layer.blobDigest)}`, layer.blob.cid, signal)
    }
  }

  /** Kept apart, since a folder of `images` may have thousands of names to look through. */
  async #addVersions(root: CID, names: readonly string[], signal: AbortSignal): Promise<void> {
    for (const [repository, tags] of tagsOf(names)) {
      const before = await this.#versions(repository, signal)
      const added = tags.toReversed().map((tag) => ({ tag, root }))
      const now = [...added, ...before.filter(({ tag }) => !tags.includes(tag))].slice(0, KEPT_VERSIONS)
      const bytes = writeVersions(now)
      if (writeVersions(before).toString() === bytes.toString()) continue
      // Else Kubo waits for the old one where it is lost.
      if (before.length === 0) await this.#folder.remove(versionsPath(repository), signal)
      await this.#folder.write(versionsPath(repository), bytes, signal)
    }
  }

  /** Takes names away, with what was pushed under them (`Originals`). */
  async removeNames(names: readonly string[], signal: AbortSignal): Promise<void> {
    for (const [repository, tags] of tagsOf(names)) {
      const before = await this.#versions(repository, signal)
      const now = before.filter(({ tag }) => !tags.includes(tag))
      if (now.length === before.length) continue
      if (now.length === 0) await this.#folder.remove(versionsPath(repository), signal)
      else await this.#folder.write(versionsPath(repository), writeVersions(now), signal)
    }
    await this.remove(
      names.flatMap((name) => [`images/${name}`, `originals/names/${name}`]),
      signal,
    )
  }
}

/** Tags by repository. */
function tagsOf(names: readonly string[]): Map<string, string[]> {
  const groups = Map.groupBy(names, repositoryOf)
  return new Map(
    [...groups].map(([repository, its]) => [repository, its.map((name) => name.slice(repository.length + 1))]),
  )
}

/** No folder can be called so, since behind the colon of a registry is its port. */
function versionsPath(repository: string): string {
  return `versions/${repository}:.json`
}

export function recordPath(root: CID): string {
  return `records/${root}.json`
}

function merge(before: ImageRecord, now: ImageRecord): ImageRecord {
  return {
    ...before,
    ...now,
    names: [...new Set([...before.names, ...now.names])],
    imageIds: [...new Set([...before.imageIds, ...now.imageIds])],
    savedAt: before.savedAt,
  }
}
