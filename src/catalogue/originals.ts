import type { CID } from '../dag/cid.ts'
import type { Referrer, StoredManifest } from '../distribution/registry.ts'
import { hexOf } from '../image/canonical.ts'
import { fullName, repositoryOf } from '../image/name.ts'
import { parsedObject } from '../json.ts'
import type { PathStat } from '../store/folder.ts'
import { mapInOrder, sha256 } from '../streams.ts'
import { replace, type WritableFolder, writeUntilThere } from './folder.ts'
import {
  MAX_RECORD,
  type OriginalName,
  type OriginalRecord,
  readOriginal,
  readOriginalName,
  readUpload,
  UPLOAD_RECORD,
  UPLOADED_BLOB,
  writeOriginal,
  writeOriginalName,
} from './records.ts'

/** Bytes of the record of a manifest, at most: in base64 it is larger by a third. */
const MAX_ORIGINAL = 2 * MAX_RECORD
const AT_ONCE = 16
/** Folders of a name below each other; docker's have far fewer. */
const MAX_DEPTH = 64

const HEX = /^[0-9a-f]{64}$/

/** A blob that came. */
export interface Upload {
  readonly digest: string
  readonly folder: CID
  /** When it came, milliseconds since 1970; undefined where that cannot be read. */
  readonly at: number | undefined
}

/** A manifest as it was pushed, and when. */
export interface OriginalManifest extends StoredManifest {
  /** Milliseconds since 1970. */
  readonly at: number
}

/**
 * What was pushed, byte for byte: an image of ours has other layers, and so another digest. The node's GC spares it all.
 *
 *     originals/manifests/<hex>.json               the manifest
 *     originals/blobs/<hex>                        the blob, a file
 *     originals/names/docker.io/library/app:1.2    digest of the manifest, and the root that it became
 *     originals/referrers/<hex>/<hex>.json         what belongs to a manifest
 *     originals/uploads/<hex>/                     a blob that came, until it is seen whether a manifest names it: upload.json
 *                                                  and the blob; where it is a layer also what layers/<hex>/ has
 *
 * Everything is looked up anew after `sync`, and nothing is believed that has not the digest that it is called by.
 */
export class Originals {
  readonly #folder: WritableFolder

  constructor(folder: WritableFolder) {
    this.#folder = folder
  }

  /** Others may have written: looks anew from now on. */
  sync(signal: AbortSignal): Promise<void> {
    return this.#folder.sync(signal)
  }

  async blob(digest: string, signal: AbortSignal): Promise<PathStat | undefined> {
    const [kept, uploaded] = await Promise.all([
      this.#folder.find(`originals/blobs/${hexOf(digest)}`, signal),
      this.#folder.find(`${uploadPath(digest)}/${UPLOADED_BLOB}`, signal),
    ])
    return kept ?? uploaded
  }

  /** Digests of all blobs. */
  blobs(signal: AbortSignal): Promise<string[]> {
    return this.#digestsIn('blobs', signal)
  }

  /** Links a blob, a file that the node has, so that GC spares it. */
  async addBlob(digest: string, cid: CID, signal: AbortSignal): Promise<void> {
    await this.#link(`originals/blobs/${hexOf(digest)}`, cid, signal)
  }

  async manifest(digest: string, signal: AbortSignal): Promise<OriginalManifest | undefined> {
    const path = `originals/manifests/${hexOf(digest)}.json`
    return manifestOf(digest, await this.#folder.read(path, MAX_ORIGINAL, signal))
  }

  /** All manifests that can be read. */
  async manifests(signal: AbortSignal): Promise<OriginalManifest[]> {
    const files = await this.#folder.readAll('originals/manifests', signal)
    const digests = await this.#digestsIn('manifests', signal)
    const found = mapInOrder(digests, AT_ONCE, async (digest) => {
      const bytes = files.get(`${hexOf(digest)}.json`)
      return bytes === undefined ? this.manifest(digest, signal) : manifestOf(digest, bytes)
    })
    const all: OriginalManifest[] = []
    for await (const manifest of found) if (manifest !== undefined) all.push(manifest)
    return all
  }

  /** @param referrer what it says of itself, where it belongs to another manifest */
  async addManifest(
    digest: string,
    record: OriginalRecord,
    subject: { readonly digest: string; readonly referrer: Referrer } | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const bytes = writeOriginal(record)
    await this.#write(`originals/manifests/${hexOf(digest)}.json`, bytes, signal)
    if (subject === undefined) return
    const path = `originals/referrers/${hexOf(subject.digest)}/${hexOf(digest)}.json`
    await this.#write(path, Buffer.from(JSON.stringify(subject.referrer)), signal)
  }

  /** What was pushed under a full name; whether that still stands for it is for the caller to see. */
  async named(name: string, signal: AbortSignal): Promise<OriginalName | undefined> {
    return readOriginalName(await this.#folder.read(`originals/names/${name}`, MAX_RECORD, signal))
  }

  addName(name: string, value: OriginalName, signal: AbortSignal): Promise<void> {
    return this.#write(`originals/names/${name}`, writeOriginalName(value), signal)
  }

  /** Full names of one repository, or of all. */
  async names(repository: string | undefined, signal: AbortSignal): Promise<string[]> {
    if (repository !== undefined) {
      const folder = repository.slice(0, repository.lastIndexOf('/'))
      const entries = (await this.#folder.entries(`originals/names/${folder}`, signal)) ?? []
      return entries.map(({ name }) => `${folder}/${name}`).filter((name) => isNameOf(name, repository))
    }
    const names: string[] = []
    const walk = async (path: string, depth: number): Promise<void> => {
      for (const { name } of (await this.#folder.entries(`originals/names${path}`, signal)) ?? []) {
        const full = `${path}/${name}`
        // Of a registry, the first part, the part behind the colon is its port.
        if (depth === 0 || !name.includes(':')) await (depth < MAX_DEPTH ? walk(full, depth + 1) : undefined)
        else if (fullName(full.slice(1)) === full.slice(1)) names.push(full.slice(1))
      }
    }
    await walk('', 0)
    return names
  }

  async referrers(digest: string, signal: AbortSignal): Promise<Referrer[]> {
    const files = await this.#folder.readAll(`originals/referrers/${hexOf(digest)}`, signal)
    return [...files.values()].map(readReferrer).filter((referrer) => referrer !== undefined)
  }

  /** @param folder what `uploadFiles` says, on the node */
  addUpload(digest: string, folder: CID, signal: AbortSignal): Promise<void> {
    return this.#link(uploadPath(digest), folder, signal)
  }

  async uploads(signal: AbortSignal): Promise<Upload[]> {
    const uploads: Upload[] = []
    for (const { name, cid } of (await this.#folder.entries('originals/uploads', signal)) ?? []) {
      if (!HEX.test(name)) continue
      const digest = `sha256:${name}`
      const record = await this.#folder.read(`${uploadPath(digest)}/${UPLOAD_RECORD}`, MAX_RECORD, signal)
      uploads.push({ digest, folder: cid, at: readUpload(record)?.at })
    }
    return uploads
  }

  removeBlob(digest: string, signal: AbortSignal): Promise<void> {
    return this.#remove([`originals/blobs/${hexOf(digest)}`, uploadPath(digest)], signal)
  }

  removeUpload(digest: string, signal: AbortSignal): Promise<void> {
    return this.#remove([uploadPath(digest)], signal)
  }

  /** The record goes last: what was broken off can be done again. */
  removeManifest(digest: string, subject: string | undefined, signal: AbortSignal): Promise<void> {
    const hex = hexOf(digest)
    const link = subject === undefined ? [] : [`originals/referrers/${hexOf(subject)}/${hex}.json`]
    return this.#remove([...link, `originals/manifests/${hex}.json`], signal)
  }

  removeName(name: string, signal: AbortSignal): Promise<void> {
    return this.#remove([`originals/names/${name}`], signal)
  }

  async #digestsIn(folder: string, signal: AbortSignal): Promise<string[]> {
    const entries = (await this.#folder.entries(`originals/${folder}`, signal)) ?? []
    return entries.flatMap(({ name }) => {
      const hex = name.replace(/\.json$/, '')
      return HEX.test(hex) ? [`sha256:${hex}`] : []
    })
  }

  async #remove(paths: readonly string[], signal: AbortSignal): Promise<void> {
    for (const path of paths) await this.#folder.remove(path, signal)
    await this.#folder.sync(signal)
  }

  #link(path: string, cid: CID, signal: AbortSignal): Promise<void> {
    const write = async () => {
      if (!(await this.#folder.link(path, cid, signal))) await replace(this.#folder, path, cid, signal)
    }
    return this.#put(write, async () => (await this.#folder.find(path, signal))?.cid.equals(cid) === true, signal)
  }

  #write(path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const write = async () => {
      // Else Kubo waits for the old one where it is lost.
      await this.#folder.remove(path, signal)
      await this.#folder.write(path, bytes, signal)
    }
    const isThere = async () => {
      const there = await this.#folder.read(path, MAX_ORIGINAL, signal)
      return there !== undefined && Buffer.from(there).equals(bytes)
    }
    return this.#put(write, isThere, signal)
  }

  #put(write: () => Promise<void>, isThere: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
    const synced = async () => {
      await write()
      await this.#folder.sync(signal)
    }
    return writeUntilThere(synced, isThere, signal)
  }
}

function uploadPath(digest: string): string {
  return `originals/uploads/${hexOf(digest)}`
}

function isNameOf(name: string, repository: string): boolean {
  return fullName(name) === name && repositoryOf(name) === repository
}

function manifestOf(digest: string, record: Uint8Array | undefined): OriginalManifest | undefined {
  const original = readOriginal(record)
  return original === undefined || sha256(original.bytes) !== digest ? undefined : { digest, ...original }
}

function readReferrer(bytes: Uint8Array): Referrer | undefined {
  const value = parsedObject(Buffer.from(bytes).toString('utf8'))
  const { mediaType, digest, size } = value ?? {}
  const isOne = typeof mediaType === 'string' && typeof digest === 'string' && typeof size === 'number'
  return isOne ? (value as unknown as Referrer) : undefined
}
