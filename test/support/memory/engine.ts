import { rmSync } from 'node:fs'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { abilitiesOf } from '../../../src/engine/docker/abilities.ts'
import { beginPacking } from '../../../src/engine/docker/packing.ts'
import type { Engine, EngineImage, EngineInfo, ImageInfo, PackedImage } from '../../../src/engine/engine.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { readArchive } from '../../../src/image/archive.ts'
import { blobPath, OCI_LAYOUT, ociIndex } from '../../../src/image/canonical.ts'
import { fullName } from '../../../src/image/name.ts'
import { type Bytes, collect } from '../../../src/streams.ts'
import { archive20, archiveOci, digest, imageOf, layoutOf, type TestImage } from '../images.ts'
import { tarOf } from '../tar.ts'

const MAX_FILE = 1 << 28
/** Bytes of an archive that come at once. */
const PIECE = 65_536

interface Stored {
  readonly image: TestImage
  readonly names: Set<string>
  /** Of a containerd store: all that the image is made of, the manifest too. */
  readonly blobs: readonly string[]
}

interface Kind {
  readonly version: string
  readonly containerdStore: boolean
  /** Where it packs, as a classic store does; without one nobody can see it. */
  readonly packingFolder?: string
}

/**
 * An engine in memory, of either store. It holds each layer against its diffID, and leaves out of an archive what it has, as
 * engines do: a classic store knows chains of layers, a containerd store blobs.
 */
export class MemoryEngine implements Engine {
  readonly stored = new Map<string, Stored>()
  /** Blobs by digest, of a containerd store. */
  readonly blobs = new Map<string, Buffer>()
  /** Paths of the files in each archive that was loaded. */
  readonly loads: string[][] = []
  /** Bytes that were taken of each archive that was asked for. */
  readonly saves: number[] = []
  /** Bytes behind which each archive ends, without a word. */
  endsAfter = Number.POSITIVE_INFINITY
  /** Waited for when an image was packed, ahead of the first byte; is told the folder where that was. */
  packed: (folder: string) => Promise<void> = async () => undefined
  /** Hears of each file of an archive when it has come. */
  heard: (path: string) => void = () => undefined
  /** Waited for when all of an archive has come, before an image is made of it. An engine does not hear by then that nobody wants it. */
  making: () => Promise<void> = async () => undefined
  readonly #kind: Kind

  constructor(kind: Kind = { version: '28.5.2', containerdStore: false }) {
    this.#kind = kind
  }

  async info(): Promise<EngineInfo> {
    const { version, containerdStore } = this.#kind
    const can = abilitiesOf(version, containerdStore)
    return { version, containerdStore, os: 'linux', architecture: 'x86_64', can }
  }

  async freeBytes(): Promise<number | undefined> {
    return undefined
  }

  async images(): Promise<EngineImage[]> {
    const { listWhole } = (await this.info()).can
    const listed = [...this.stored].filter(([, { blobs }]) => !listWhole || blobs.every((blob) => this.blobs.has(blob)))
    return listed.map(([id, { names, image }]) => {
      const bytes = image.layers.reduce((sum, { length }) => sum + length, 0)
      return { id, names: [...names], bytes }
    })
  }

  async inspect(text: string): Promise<ImageInfo | undefined> {
    const id = this.#find(text)
    const found = id === undefined ? undefined : this.stored.get(id)
    return id === undefined || found === undefined
      ? undefined
      : {
          id,
          layers: found.image.diffIds,
          names: [...found.names],
          ...authorOf(found.image.config),
          ...this.#namedAt(id),
        }
  }

  #namedAt(id: string) {
    return this.wereNamed.has(id) || this.#kind.containerdStore ? { namedAt: '2026-01-02T03:04:05Z' } : {}
  }

  #find(text: string): string | undefined {
    const full = fullName(text)
    for (const [id, { names }] of this.stored) {
      if (id === text || id.startsWith(`sha256:${text}`)) return id
      if ([...names].some((name) => fullName(name) === full)) return id
    }
    return undefined
  }

  async layersOf(ids: readonly string[]): Promise<string[][]> {
    return ids.flatMap((id) => [[...(this.stored.get(id)?.image.diffIds ?? [])]])
  }

  async isWhole(id: string): Promise<boolean | undefined> {
    if (!(await this.info()).can.tellWhole) return undefined
    return this.stored.get(id)?.blobs.every((blob) => this.blobs.has(blob))
  }

  async wholeImages(): Promise<ReadonlySet<string> | undefined> {
    if (!(await this.info()).can.tellWhole) return undefined
    const unnamed = [...this.stored].filter(([, { names }]) => names.size === 0).map(([id]) => id)
    const whole = await Promise.all(unnamed.map((id) => this.isWhole(id)))
    return new Set(unnamed.filter((_, at) => whole[at]))
  }

  /** IDs of images that have a container. */
  readonly used = new Set<string>()
  /** IDs of images that had a name once. */
  readonly wereNamed = new Set<string>()

  async unusedImages(): Promise<string[]> {
    return [...this.stored].filter(([id, { names }]) => names.size === 0 && !this.used.has(id)).map(([id]) => id)
  }

  async *save(text: string, signal: AbortSignal): Bytes {
    const found = await this.inspect(text)
    const stored = found && this.stored.get(found.id)
    if (found === undefined || stored === undefined) {
      throw new DockerIpfsError('IMAGE_NOT_FOUND', `No such image: ${text}`)
    }
    const archive = this.#archiveOf(found.id, stored)
    const asked = this.saves.push(0) - 1
    const folder = join(this.#kind.packingFolder ?? '', `docker-export-${asked}`)
    // It throws away what it packed when all is sent, and when nobody listens any more.
    const clear = () => this.#kind.packingFolder !== undefined && rmSync(folder, { recursive: true, force: true })
    signal.addEventListener('abort', clear)
    try {
      if (this.#kind.packingFolder !== undefined) await packInto(folder, archive)
      await this.packed(folder)
      for (let at = 0; at < Math.min(archive.length, this.endsAfter); at += PIECE) {
        signal.throwIfAborted()
        const piece = archive.subarray(at, Math.min(at + PIECE, this.endsAfter))
        this.saves[asked] = at + piece.length
        yield piece
      }
    } finally {
      clear()
    }
  }

  /** No registry of ours is one to it. */
  async mayReach(): Promise<boolean> {
    return false
  }

  async push(): Promise<void> {
    throw new DockerIpfsError('ENGINE_FAILED', 'connection refused')
  }

  async pull(): Promise<void> {
    throw new DockerIpfsError('ENGINE_FAILED', 'connection refused')
  }

  pack(imageId: string, signal: AbortSignal): Promise<PackedImage> {
    const folder = async () => this.#kind.packingFolder
    return beginPacking({ folder, save: (limited) => this.save(imageId, limited), signal })
  }

  #archiveOf(id: string, stored: Stored): Buffer {
    if (stored.blobs.length > 0) return this.#blobsOf(id, stored)
    return Number.parseInt(this.#kind.version, 10) < 25 ? archive20(stored.image) : archiveOci(stored.image, 'plain')
  }

  /** What a containerd store packs: the blobs as they are, and what it lacks is left out. */
  #blobsOf(id: string, { blobs }: Stored): Buffer {
    const there = [...new Set(blobs)].filter((blob) => this.blobs.has(blob))
    const files = there.map((blob) => ({ path: blobPath(blob), body: this.blobs.get(blob) as Buffer }))
    const [, config, ...layers] = blobs.map(blobPath)
    const rest = {
      'index.json': ociIndex({ digest: id, size: this.blobs.get(id)?.length ?? 0 }).bytes,
      'manifest.json': Buffer.from(JSON.stringify([{ Config: config, RepoTags: null, Layers: layers }])),
      'oci-layout': Buffer.from(OCI_LAYOUT),
    }
    return tarOf([...files, ...Object.entries(rest).map(([path, body]) => ({ path, body }))])
  }

  async load(archive: Bytes, signal: AbortSignal): Promise<string> {
    const files = new Map<string, Buffer>()
    for await (const { path, body } of readArchive(archive)) {
      files.set(path, Buffer.from(await collect(body, MAX_FILE, path)))
      this.heard(path)
    }
    signal.throwIfAborted()
    this.loads.push([...files.keys()])
    await this.making()
    const id = this.#kind.containerdStore ? this.#loadBlobs(files) : this.#loadLayers(files)
    return `Loaded image ID: ${id}`
  }

  /** As a classic store does: by manifest.json, where no layer is opened whose chain it has. */
  #loadLayers(files: ReadonlyMap<string, Buffer>): string {
    const [entry] = JSON.parse(String(files.get('manifest.json'))) as [{ Config: string; Layers: string[] }]
    const config = files.get(entry.Config) ?? missing(entry.Config)
    const { rootfs } = JSON.parse(String(config)) as { rootfs: { diff_ids: string[] } }
    const layers = entry.Layers.map((path, at) => {
      const known = this.#layer(rootfs.diff_ids.slice(0, at + 1))
      const layer = known ?? unpacked(files.get(path) ?? missing(path))
      if (digest(layer) !== rootfs.diff_ids[at]) throw new DockerIpfsError('ENGINE_FAILED', 'invalid diffID')
      return layer
    })
    return this.#keep(digest(config), { layers, config, diffIds: rootfs.diff_ids }, [])
  }

  /** The layer on top of these, of any image that has them all. */
  #layer(chain: readonly string[]): Buffer | undefined {
    for (const { image } of this.stored.values()) {
      if (chain.every((diffId, at) => image.diffIds[at] === diffId)) return image.layers[chain.length - 1]
    }
    return undefined
  }

  /** As a containerd store does: by index.json, of whose blobs it must have all that are not in the archive. */
  #loadBlobs(files: ReadonlyMap<string, Buffer>): string {
    for (const [path, bytes] of files) if (path.startsWith('blobs/')) this.blobs.set(digest(bytes), bytes)
    const index = JSON.parse(String(files.get('index.json'))) as { manifests: { digest: string }[] }
    let last = ''
    for (const { digest: id } of index.manifests) {
      const manifest = JSON.parse(String(this.blobs.get(id) ?? missing(id))) as Manifest
      const config = this.blobs.get(manifest.config.digest) ?? missing(manifest.config.digest)
      const wanted = manifest.layers.map((layer) => layer.digest)
      const layers = wanted.flatMap((blob) => this.blobs.get(blob) ?? []).map(unpacked)
      const { rootfs } = JSON.parse(String(config)) as { rootfs?: { diff_ids: string[] } }
      const isRight = layers.every((layer, at) => digest(layer) === rootfs?.diff_ids[at])
      if (rootfs !== undefined && layers.length === wanted.length && !isRight) {
        throw new DockerIpfsError('ENGINE_FAILED', 'wrong diff id calculated on extraction')
      }
      const diffIds = rootfs?.diff_ids ?? []
      last = this.#keep(id, { layers, config, diffIds }, [id, manifest.config.digest, ...wanted])
    }
    return last
  }

  #keep(id: string, image: TestImage, blobs: readonly string[]): string {
    this.stored.set(id, { image, names: this.stored.get(id)?.names ?? new Set(), blobs })
    return id
  }

  async tag(text: string, name: string): Promise<void> {
    const id = this.#find(text)
    if (id === undefined) throw new DockerIpfsError('IMAGE_NOT_FOUND', `No such image: ${text}`)
    for (const { names } of this.stored.values()) names.delete(name)
    this.stored.get(id)?.names.add(name)
  }

  async remove(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.stored.delete(id)
    const needed = new Set([...this.stored.values()].flatMap(({ blobs }) => blobs))
    for (const blob of this.blobs.keys()) if (!needed.has(blob)) this.blobs.delete(blob)
  }

  /** Puts an image into the store, as a build would; gives its ID. */
  add(image: TestImage, ...names: string[]): string {
    const { containerdStore } = this.#kind
    const id = containerdStore ? this.#loadBlobs(layoutOf(image, 'gzip')) : this.#keep(digest(image.config), image, [])
    for (const name of names) this.stored.get(id)?.names.add(name)
    return id
  }

  /** The same for layers alone. */
  addLayers(layers: readonly Buffer[], ...names: string[]): string {
    return this.add(imageOf(layers), ...names)
  }
}

interface Manifest {
  readonly config: { readonly digest: string }
  readonly layers: readonly { readonly digest: string }[]
}

/** Writes the files of an archive to where an engine packs. */
export async function packInto(folder: string, archive: Buffer): Promise<void> {
  for await (const { path, linkTarget, body } of readArchive(once(archive))) {
    const file = join(folder, path)
    await mkdir(dirname(file), { recursive: true })
    if (linkTarget === undefined) await writeFile(file, await collect(body, MAX_FILE, path))
    else await symlink(relative(dirname(path), linkTarget), file)
  }
}

async function* once(bytes: Uint8Array): Bytes {
  yield bytes
}

function unpacked(blob: Buffer): Buffer {
  if (blob.length >= 4 && blob.readUInt32LE(0) === 0xfd2fb528) return zstdDecompressSync(blob)
  return blob.length >= 2 && blob.readUInt16BE(0) === 0x1f8b ? gunzipSync(blob) : blob
}

function missing(path: string): never {
  throw new DockerIpfsError('ENGINE_FAILED', `open ${path}: no such file or directory`)
}

function authorOf(config: Uint8Array): { author?: string } {
  const { author } = JSON.parse(Buffer.from(config).toString('utf8')) as { author?: string }
  return author === undefined ? {} : { author }
}
