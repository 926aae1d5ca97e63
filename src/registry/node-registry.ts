// The room of the front door: the images of a node as a registry, for whoever speaks the OCI distribution protocol. It knows nothing of
// HTTP, which is below it (src/distribution/); what is written comes in by write/.
//
// A request for a manifest: place.ts reads what its repository stands for, and names.ts what its tag does, from the catalogue as it is now or
// from what others publish. images.ts opens that image, from whoever has it, and remembers its documents (documents.ts): those of the
// format as they are, and the same over plain layers for clients that read no zstd (client.ts). A digest is looked for in the repository,
// among the images that were served lately, and in the catalogue (known-digests.ts).
// A request for a blob ends in layer-source.ts: what is pinned is read from the node's own files; else layers come from others, one after
// the other, and go out as they come, and the image is kept (arriving.ts, layer-queue.ts, keep.ts), as a load does it.
// What many ask for at once is looked for once (together.ts). Memory holds documents and digests, and is bounded.

import type { Catalogue } from '../catalogue/catalogue.ts'
import type { CID } from '../dag/cid.ts'
import type {
  Client,
  Referrer,
  Registry,
  RegistryWriter,
  RepositoryRef,
  StoredBlob,
  StoredManifest,
} from '../distribution/registry.ts'
import { hasCode } from '../errors.ts'
import { isDigest } from '../image/documents.ts'
import { ifAllowed } from '../store/allowed.ts'
import type { BlockStore } from '../store/blocks.ts'
import type { Pins } from '../store/pins.ts'
import { mapInOrder } from '../streams.ts'
import { storedBlob } from './blobs.ts'
import { readsNoZstd, takesIndex } from './client.ts'
import { Images, type ImagesOptions, type ServedImage } from './images.ts'
import { KnownDigests } from './known-digests.ts'
import { Names, type NamesOptions } from './names.ts'
import { type AskedPlace, type Place, readPlace } from './place.ts'
import { orAborted } from './together.ts'

/** What was pushed, byte for byte. A manifest that is an image says its root. */
export type PushedRegistry = Omit<Registry, 'writer'>

export interface NodeRegistryOptions extends Omit<ImagesOptions, 'catalogue'>, Omit<NamesOptions, 'timeoutMs'> {
  readonly blocks: BlockStore
  readonly pins: Pins
  readonly catalogue: Catalogue
  /** Time for others to give something, in milliseconds. */
  readonly timeoutMs: number
  /** Ends all that the registry does. */
  readonly signal: AbortSignal
  /** Asked first, but for clients that want plain layers. */
  readonly pushed?: PushedRegistry | undefined
  readonly writer?: RegistryWriter | undefined
}

/** Images of a repository that are opened to find a digest, at most. */
const MAX_OPENED = 100
const AT_ONCE = 4

/** The images of a node, those that its catalogue names and any other on IPFS, as a registry. */
export function createNodeRegistry(options: NodeRegistryOptions): Registry {
  return new NodeRegistry(options)
}

class NodeRegistry implements Registry {
  readonly #pushed: PushedRegistry | undefined
  readonly #options: NodeRegistryOptions
  readonly #images: Images
  readonly #names: Names
  readonly #digests: KnownDigests
  readonly writer?: RegistryWriter

  constructor(options: NodeRegistryOptions) {
    this.#options = options
    this.#pushed = options.pushed
    this.#images = new Images(options)
    this.#names = new Names(options)
    this.#digests = new KnownDigests(options)
    if (options.writer !== undefined) this.writer = options.writer
  }

  async manifest(
    repository: RepositoryRef,
    reference: string,
    client: Client,
    signal: AbortSignal,
  ): Promise<StoredManifest | undefined> {
    const asked = readPlace(repository)
    const original = () => this.#pushed?.manifest(repository, reference, client, signal)
    if (asked === undefined) return original()
    if (isDigest(reference)) {
      const pick: Pick<StoredManifest> = ({ documents }) => documents.manifestOf(reference)
      const found = (await this.#recent(asked.place, pick, signal)) ?? (await original())
      return found ?? this.#find(asked.place, reference, pick, signal)
    }
    const root = await this.#names.root(asked.place, reference, signal)
    const isPlain = wantsPlain(asked, client)
    // What was pushed under a name counts as long as the name means the same.
    const pushed = isPlain && root !== undefined ? undefined : await original()
    if (pushed !== undefined && pushed.root === root?.toString()) return pushed
    if (root === undefined) return undefined
    const { documents } = await this.#images.open(root, signal)
    return documents.manifest({ isPlain, takesIndex: takesIndex(client) })
  }

  async blob(
    repository: RepositoryRef,
    digest: string,
    client: Client,
    signal: AbortSignal,
  ): Promise<StoredBlob | undefined> {
    const asked = readPlace(repository)
    const original = () => this.#pushed?.blob(repository, digest, client, signal)
    if (asked === undefined) return original()
    const pick: Pick<StoredBlob> = ({ documents, layers }) => {
      const blob = documents.blobOf(digest)
      // Podman, told that a tar is there, takes it for a layer as it has it. Who was given its digest in a manifest does not look first.
      if (blob === undefined || (blob.kind === 'plain' && client.onlyLooks && !wantsPlain(asked, client)))
        return undefined
      return storedBlob(digest, blob, (layer, range, limited) => layers.read(layer, range, limited))
    }
    const found = (await this.#recent(asked.place, pick, signal)) ?? (await original())
    return found ?? this.#find(asked.place, digest, pick, signal)
  }

  async tags(repository: RepositoryRef, signal: AbortSignal): Promise<readonly string[] | undefined> {
    const place = readPlace(repository)?.place
    const pushed = await this.#pushed?.tags(repository, signal)
    const tagged = place && (await this.#tagged(place, signal))
    if (tagged === undefined) return pushed
    return [...new Set([...(pushed ?? []), ...tagged.map(({ tag }) => tag)])]
  }

  async repositories(signal: AbortSignal): Promise<readonly string[]> {
    const [own, pushed] = await Promise.all([this.#names.repositories(signal), this.#pushed?.repositories(signal)])
    return [...new Set([...own, ...(pushed ?? [])])]
  }

  async referrers(repository: RepositoryRef, digest: string, signal: AbortSignal): Promise<readonly Referrer[]> {
    return (await this.#pushed?.referrers(repository, digest, signal)) ?? []
  }

  /** The tag of a CID is there when its image is. */
  async #tagged(place: Place, signal: AbortSignal) {
    if (place.kind === 'image') await this.#images.open(place.root, signal)
    return this.#names.tagged(place, signal)
  }

  /** Looks among the images that were served lately. */
  async #recent<T>(place: Place, pick: Pick<T>, signal: AbortSignal): Promise<T | undefined> {
    for (const image of this.#images.recent) {
      const found = pick(image)
      if (found !== undefined && (await this.#isServable(image, place, signal))) return found
    }
    return undefined
  }

  /** Looks in the images of the repository, and in all that the catalogue has. */
  async #find<T>(place: Place, digest: string, pick: Pick<T>, signal: AbortSignal): Promise<T | undefined> {
    if (place.kind === 'image') {
      const found = pick(await this.#images.open(place.root, signal))
      if (found !== undefined) return found
    }
    const known = await this.#pickFrom(await this.#known(digest, signal), pick, signal)
    if (known !== undefined || place.kind === 'image') return known
    // Such as a manifest with plain layers, which is in no record.
    return this.#pickFrom((await this.#rootsOf(place, signal)).slice(-MAX_OPENED), pick, signal)
  }

  async #pickFrom<T>(roots: readonly CID[], pick: Pick<T>, signal: AbortSignal): Promise<T | undefined> {
    const opened = mapInOrder(roots, AT_ONCE, (root) => this.#images.open(root, signal).catch(asLost))
    for await (const image of opened) {
      const found = image && pick(image)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** Images of the catalogue that have it, and that the node has all of. */
  async #known(digest: string, signal: AbortSignal): Promise<readonly CID[]> {
    const pinned: CID[] = []
    const { pins, signal: lasting } = this.#options
    for (const root of (await orAborted(ifAllowed(this.#digests.find(digest)), signal)) ?? []) {
      if (await orAborted(ifAllowed(pins.isPinned(root, lasting)), signal)) pinned.push(root)
    }
    return pinned
  }

  async #rootsOf(place: Place, signal: AbortSignal): Promise<readonly CID[]> {
    const tagged = (await this.#names.tagged(place, signal)) ?? []
    const roots = new Map(tagged.map(({ root }) => [root.toString(), root]))
    return [...roots.values()]
  }

  /**
   * Whether an image that has what is asked for can be given: all of it is here, or it is what was asked for. Else who is told that a
   * blob is there would not get it, or not send it.
   */
  async #isServable({ root, layers }: ServedImage, place: Place, signal: AbortSignal): Promise<boolean> {
    if (place.kind === 'image' && place.root.equals(root)) return true
    if (place.kind === 'published' || (await layers.isPinned(signal))) return true
    const own = place.kind === 'name' ? await this.#rootsOf(place, signal) : []
    return own.some((other) => other.equals(root))
  }
}

type Pick<T> = (image: ServedImage) => T | undefined

/** One of many images that cannot be read need not be the one that is looked for. */
function asLost(error: unknown): undefined {
  if (!hasCode(error, 'CONTENT_NOT_FOUND', 'NOT_AN_IMAGE', 'INTEGRITY')) throw error
}

function wantsPlain({ isPlain }: AskedPlace, client: Client): boolean {
  return isPlain || readsNoZstd(client)
}
