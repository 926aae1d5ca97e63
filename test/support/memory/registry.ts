import type {
  Client,
  PutManifest,
  ReceivedBlob,
  Referrer,
  Registry,
  RegistryWriter,
  RepositoryRef,
  StoredBlob,
  StoredManifest,
} from '../../../src/distribution/registry.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { type Bytes, collect, sha256 } from '../../../src/streams.ts'

interface Repository {
  readonly blobs: Set<string>
  readonly manifests: Map<string, StoredManifest>
  readonly tags: Map<string, string>
}

interface Document {
  readonly mediaType?: string
  readonly artifactType?: string
  readonly config?: { readonly mediaType?: string; readonly digest?: string }
  readonly layers?: readonly { readonly digest: string; readonly urls?: readonly string[] }[]
  readonly subject?: { readonly digest: string }
  readonly annotations?: Readonly<Record<string, string>>
}

const LARGEST_BLOB = 256 * 1024 * 1024

/** A registry in memory, which takes whatever it is given. */
export class MemoryRegistry implements Registry {
  readonly blobs = new Map<string, Uint8Array>()
  readonly #repositories = new Map<string, Repository>()
  /** What clients said of themselves, in turn. */
  readonly clients: Client[] = []
  /** Blobs of which all came and that nobody wanted. */
  forgotten = 0
  readonly writer: RegistryWriter = {
    receive: (repository, bytes) => this.#receive(repository, bytes),
    mount: async (repository, digest, from) => this.#mount(repository, digest, from),
    putManifest: async (repository, reference, manifest) => this.#putManifest(repository, reference, manifest),
    deleteManifest: async (repository, reference) => this.#deleteManifest(repository, reference),
    deleteBlob: async ({ path }, digest) => this.#repositories.get(path)?.blobs.delete(digest) ?? false,
  }

  /** Puts a blob into a repository. */
  addBlob(path: string, bytes: Uint8Array): string {
    const digest = sha256(bytes)
    this.blobs.set(digest, bytes)
    this.#repository(path).blobs.add(digest)
    return digest
  }

  has(path: string, digest: string): boolean {
    return this.#repositories.get(path)?.blobs.has(digest) ?? false
  }

  async manifest({ path }: RepositoryRef, reference: string, client: Client): Promise<StoredManifest | undefined> {
    this.clients.push(client)
    const repository = this.#repositories.get(path)
    return repository?.manifests.get(repository.tags.get(reference) ?? reference)
  }

  async blob({ path }: RepositoryRef, digest: string, client: Client): Promise<StoredBlob | undefined> {
    this.clients.push(client)
    const bytes = this.#repositories.get(path)?.blobs.has(digest) ? this.blobs.get(digest) : undefined
    if (bytes === undefined) return undefined
    return {
      digest,
      size: bytes.length,
      async *read({ offset, length }) {
        for (let at = offset; at < offset + length; at += 65536) {
          yield bytes.subarray(at, Math.min(at + 65536, offset + length))
        }
      },
    }
  }

  async tags({ path }: RepositoryRef): Promise<readonly string[] | undefined> {
    const tags = this.#repositories.get(path)?.tags
    return tags && [...tags.keys()]
  }

  async repositories(): Promise<readonly string[]> {
    return [...this.#repositories.keys()]
  }

  async referrers({ path }: RepositoryRef, digest: string): Promise<readonly Referrer[]> {
    return [...(this.#repositories.get(path)?.manifests.values() ?? [])].flatMap((manifest) => {
      const document = read(manifest)
      if (document.subject?.digest !== digest) return []
      const artifactType = document.artifactType ?? document.config?.mediaType
      return {
        mediaType: manifest.mediaType,
        digest: manifest.digest,
        size: manifest.bytes.length,
        ...(artifactType === undefined ? {} : { artifactType }),
        ...(document.annotations === undefined ? {} : { annotations: document.annotations }),
      }
    })
  }

  async #receive({ path }: RepositoryRef, source: Bytes): Promise<ReceivedBlob> {
    const bytes = await collect(source, LARGEST_BLOB, 'A blob')
    return {
      keep: async () => void this.addBlob(path, bytes),
      forget: async () => {
        this.forgotten += 1
      },
    }
  }

  #mount({ path }: RepositoryRef, digest: string, from: string | undefined): boolean {
    const there = from === undefined ? this.blobs.has(digest) : this.#repositories.get(from)?.blobs.has(digest)
    if (there) this.#repository(path).blobs.add(digest)
    return there ?? false
  }

  #putManifest({ path }: RepositoryRef, reference: string, manifest: StoredManifest): PutManifest {
    const document = read(manifest)
    const repository = this.#repository(path)
    // Layers with addresses of their own are nowhere else.
    const layers = (document.layers ?? []).filter(({ urls }) => urls === undefined)
    for (const { digest = '' } of [...layers, ...(document.config ? [document.config] : [])]) {
      if (!repository.blobs.has(digest)) throw new DockerIpfsError('CONTENT_NOT_FOUND', `There is no blob ${digest}`)
    }
    repository.manifests.set(manifest.digest, manifest)
    if (!reference.includes(':')) repository.tags.set(reference, manifest.digest)
    return document.subject === undefined ? {} : { subject: document.subject.digest }
  }

  #deleteManifest({ path }: RepositoryRef, reference: string): boolean {
    const repository = this.#repositories.get(path)
    if (!reference.includes(':')) return repository?.tags.delete(reference) ?? false
    for (const [tag, digest] of repository?.tags ?? []) if (digest === reference) repository?.tags.delete(tag)
    return repository?.manifests.delete(reference) ?? false
  }

  #repository(path: string): Repository {
    const known = this.#repositories.get(path) ?? { blobs: new Set(), manifests: new Map(), tags: new Map() }
    this.#repositories.set(path, known)
    return known
  }
}

function read({ bytes }: StoredManifest): Document {
  return JSON.parse(Buffer.from(bytes).toString('utf8')) as Document
}
