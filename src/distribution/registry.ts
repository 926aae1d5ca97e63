/*
 * The room of the distribution protocol: an HTTP server that speaks "OCI Distribution Specification 1.1" (spec.md), and what it serves, a port.
 *
 * - `Registry` (this file) is what is served. The server knows no engine, no node and no image: implementations are in the rooms above,
 *   such as the images of a node (src/registry/), or the one image that a load gives an engine.
 * - server.ts listens, on loopback unless it is told otherwise, and refuses whoever may not ask; the routes are files beside it.
 *
 * What is asked for is checked here: names, tags, digests, ranges, sizes. So is what is given: a blob is held against its digest before its
 * last bytes go out, and one that was received before it is kept.
 */

import type { Range } from '../dag/block-source.ts'
import type { Bytes } from '../streams.ts'

/** Who asks, as far as the answer hangs on it. */
export interface Client {
  /** The header User-Agent; empty where there is none. */
  readonly agent: string
  /** Media types of the header Accept, without parameters; none where there is no such header. */
  readonly accepts: readonly string[]
  /** Asks whether something is there, and no more (HEAD). */
  readonly onlyLooks?: boolean
}

/** A repository as the path names it: `library/nginx`, with what stands behind `?ns=`, as mirrors are asked. */
export interface RepositoryRef {
  readonly path: string
  /** Host of the registry that a mirror stands for: `docker.io`. */
  readonly namespace: string | undefined
}

/** A manifest or an index: its bytes are what its digest says. */
export interface StoredManifest {
  /** `sha256:<hex>`. */
  readonly digest: string
  readonly mediaType: string
  readonly bytes: Uint8Array
  /** Root CID of the image, where it is one. */
  readonly root?: string
}

/** A blob that can be read. Its size is exact: engines believe it without reading a byte. */
export interface StoredBlob {
  /** `sha256:<hex>`. */
  readonly digest: string
  readonly size: number
  /** Its bytes, or a part of them; the server holds the whole of a blob against its digest. */
  read(range: Range, signal: AbortSignal): Bytes
}

/** What a manifest says of another that it belongs to (spec.md, "Listing Referrers"). */
export interface Referrer {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly artifactType?: string
  readonly annotations?: Readonly<Record<string, string>>
}

/**
 * What a registry has. What is not there is undefined; what cannot be had is an error:
 * CONTENT_NOT_FOUND and IMAGE_NOT_FOUND mean the same as undefined, with words for the client.
 */
export interface Registry {
  /** @param reference a tag or a digest */
  manifest(
    repository: RepositoryRef,
    reference: string,
    client: Client,
    signal: AbortSignal,
  ): Promise<StoredManifest | undefined>
  blob(repository: RepositoryRef, digest: string, client: Client, signal: AbortSignal): Promise<StoredBlob | undefined>
  /** In any order; undefined where there is no such repository. */
  tags(repository: RepositoryRef, signal: AbortSignal): Promise<readonly string[] | undefined>
  /** All repositories that can be listed, in any order. */
  repositories(signal: AbortSignal): Promise<readonly string[]>
  referrers(repository: RepositoryRef, digest: string, signal: AbortSignal): Promise<readonly Referrer[]>
  /** Left out where nothing can be written. */
  readonly writer?: RegistryWriter
}

/** What can be written to a registry. Nothing that is half there has a name. */
export interface RegistryWriter {
  /**
   * Takes a blob as it comes. Called once for each upload, however many requests bring it; the stream fails where the upload does.
   * Its digest is known only at the end. `expected`: what the client says of it, asked once the first bytes are there.
   */
  receive(
    repository: RepositoryRef,
    bytes: Bytes,
    signal: AbortSignal,
    expected: () => ExpectedBlob,
  ): Promise<ReceivedBlob>
  /** Makes a blob of another repository readable in this one, or of any where `from` is undefined; false where there is none. */
  mount(repository: RepositoryRef, digest: string, from: string | undefined, signal: AbortSignal): Promise<boolean>
  /**
   * Keeps a manifest, under a tag or under its digest alone.
   * @throws ARCHIVE_INVALID where it cannot be read; CONTENT_NOT_FOUND where it names blobs that are not there
   */
  putManifest(
    repository: RepositoryRef,
    reference: string,
    manifest: StoredManifest,
    signal: AbortSignal,
  ): Promise<PutManifest>
  /** Takes away a tag, or with a digest the manifest and its tags; false where there is none. */
  deleteManifest(repository: RepositoryRef, reference: string, signal: AbortSignal): Promise<boolean>
  deleteBlob(repository: RepositoryRef, digest: string, signal: AbortSignal): Promise<boolean>
}

/** What a client says of a blob that is to come in one request: containerd does so, a classic engine says nothing. */
export interface ExpectedBlob {
  /** `sha256:<hex>`. */
  readonly digest?: string
  readonly size?: number
}

/** A blob all of which has come, and which counts only once it is kept. */
export interface ReceivedBlob {
  /** `digest` (`sha256:<hex>`) is that of the bytes, and what the client says it is. */
  keep(digest: string): Promise<void>
  /** It is not what the client says, or nobody wants it. */
  forget(): Promise<void>
}

export interface PutManifest {
  /** Root CID of the image, where it is one. */
  readonly root?: string
  /** What it belongs to, where it says so: `sha256:<hex>`. */
  readonly subject?: string
}
