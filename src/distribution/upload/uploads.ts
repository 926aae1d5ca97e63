import { createHash } from 'node:crypto'
import { DockerIpfsError } from '../../errors.ts'
import { type Bytes, digestOf } from '../../streams.ts'
import type { ExpectedBlob, ReceivedBlob, RegistryWriter, RepositoryRef } from '../registry.ts'
import { Handover } from './handover.ts'

/** Limits of uploads. */
export interface UploadLimits {
  /** An upload that nobody goes on with is forgotten after so many milliseconds. */
  readonly forgetAfter: number
  /** So many may be under way at once. */
  readonly most: number
  /** Whether one can be gone on with whose request broke off. */
  readonly resumes: boolean
}

/** A blob on its way here: any number of requests bring it, one after the other. */
export class Upload {
  readonly id: string = crypto.randomUUID()
  readonly repository: RepositoryRef
  /** When a request last ended, by `performance.now()`. */
  idleSince: number = performance.now()
  /** What the client says that it will be. */
  expected: ExpectedBlob = {}
  readonly #hash = createHash('sha256')
  readonly #bytes = new Handover()
  readonly #abort = new AbortController()
  readonly #outcome: Promise<ReceivedBlob>
  #size = 0
  #isBusy = false
  #failure: { readonly error: unknown } | undefined

  constructor(writer: RegistryWriter, repository: RepositoryRef) {
    this.repository = repository
    // Begun at the first turn of its own, so that a writer that throws at once fails the upload and not its request.
    this.#outcome = Promise.resolve().then(() =>
      writer.receive(repository, this.#bytes, this.#abort.signal, () => this.expected),
    )
    this.#outcome.then(
      () => this.#bytes.drop(),
      (error: unknown) => {
        this.#failure = { error }
        this.#bytes.drop()
      },
    )
  }

  /** Bytes that have come so far. */
  get size(): number {
    return this.#size
  }

  /** Whether the writer has given up. */
  get hasFailed(): boolean {
    return this.#failure !== undefined
  }

  /** Whether a request is at it. */
  get isBusy(): boolean {
    return this.#isBusy
  }

  /**
   * Does something with it that no other request may do meanwhile.
   * @returns undefined where another request is at it
   */
  async alone<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.#isBusy) return undefined
    this.#isBusy = true
    try {
      return await work()
    } finally {
      this.#isBusy = false
      this.idleSince = performance.now()
    }
  }

  /**
   * Takes bytes as they come, no faster than the writer does. What has come before the source fails stays.
   * @throws what the writer did, where it gave up; what the source does
   */
  async append(source: Bytes, signal: AbortSignal): Promise<void> {
    for await (const bytes of source) {
      this.#check()
      this.#hash.update(bytes)
      this.#size += bytes.length
      await this.#bytes.put(bytes, signal)
    }
    this.#check()
  }

  /**
   * All has come: keeps it, if it has the digest that it should have.
   * @returns the digest that it has
   * @throws INTEGRITY where the writer did not read to the end
   */
  async finish(digest: string): Promise<string> {
    this.#bytes.end()
    const received = await this.#outcome
    const found = digestOf(this.#hash)
    if (found === digest && this.#bytes.isTaken) await received.keep(digest)
    else await received.forget()
    // The digest is that of what came, which may not be what was taken.
    if (!this.#bytes.isTaken) throw new DockerIpfsError('INTEGRITY', 'Not all of the upload was taken')
    return found
  }

  /** Nobody wants it any more. */
  async cancel(reason: unknown): Promise<void> {
    this.#abort.abort(reason)
    this.#bytes.fail(reason)
    // A writer that had all of it before it was told.
    await this.#outcome.then(
      (received) => received.forget(),
      () => undefined,
    )
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}

/** The uploads that are under way. */
export class Uploads {
  readonly #writer: RegistryWriter
  readonly #limits: UploadLimits
  readonly #uploads = new Map<string, Upload>()
  readonly #clock: ReturnType<typeof setInterval>

  constructor(writer: RegistryWriter, limits: UploadLimits) {
    this.#writer = writer
    this.#limits = limits
    this.#clock = setInterval(() => this.#forgetOld(), Math.max(10, Math.min(limits.forgetAfter / 4, 15_000)))
    this.#clock.unref()
  }

  /** Begins one. Where there are too many, that goes which nobody has gone on with for longest; undefined where there is none such. */
  start(repository: RepositoryRef): Upload | undefined {
    if (this.#uploads.size >= this.#limits.most) {
      const [oldest] = this.#idle().toSorted((one, other) => one.idleSince - other.idleSince)
      if (oldest === undefined) return undefined
      this.#forget(oldest, 'There are too many uploads at once')
    }
    const upload = new Upload(this.#writer, repository)
    this.#uploads.set(upload.id, upload)
    return upload
  }

  find(repository: RepositoryRef, id: string): Upload | undefined {
    const upload = this.#uploads.get(id)
    return upload?.repository.path === repository.path ? upload : undefined
  }

  /** A request broke off. */
  async broken(upload: Upload, error: unknown): Promise<void> {
    if (!upload.hasFailed && this.#limits.resumes) return
    this.remove(upload)
    if (!upload.hasFailed) await upload.cancel(error)
  }

  /** It has come to its end, whatever that is. */
  remove(upload: Upload): void {
    this.#uploads.delete(upload.id)
  }

  /** Forgets one; resolves when the writer has done so. */
  async giveUp(upload: Upload, why: string): Promise<void> {
    this.remove(upload)
    await upload.cancel(new DockerIpfsError('CANCELLED', why))
  }

  /** Forgets all of them. */
  async close(): Promise<void> {
    clearInterval(this.#clock)
    const all = [...this.#uploads.values()]
    await Promise.allSettled(all.map((upload) => this.giveUp(upload, 'The registry ends')))
  }

  #idle(): Upload[] {
    return [...this.#uploads.values()].filter((upload) => !upload.isBusy)
  }

  #forgetOld(): void {
    const since = performance.now() - this.#limits.forgetAfter
    for (const upload of this.#idle()) {
      if (upload.idleSince <= since) this.#forget(upload, 'Nobody went on with the upload')
    }
  }

  #forget(upload: Upload, why: string): void {
    // What a writer fails of while it forgets concerns nobody any more.
    this.giveUp(upload, why).catch(() => undefined)
  }
}
