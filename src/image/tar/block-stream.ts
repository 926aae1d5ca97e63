import type { Bytes } from '../../streams.ts'

/** A stream that is read so many bytes at a time. */
export class BlockStream {
  readonly #source: AsyncIterator<Uint8Array>
  #piece: Uint8Array = new Uint8Array(0)
  #hasEnded = false

  constructor(source: Bytes) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** So many bytes; fewer only at the end. They are copied: to be used for few. */
  async take(count: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    for await (const part of this.pass(count)) parts.push(part)
    return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts)
  }

  /** So many bytes as they come; fewer only at the end. Whoever stops early leaves the rest to the next. */
  async *pass(count: number): Bytes {
    for (let left = count; left > 0; ) {
      if (this.#piece.length === 0 && !(await this.#more())) return
      const part = this.#piece.subarray(0, left)
      this.#piece = this.#piece.subarray(part.length)
      left -= part.length
      yield part
    }
  }

  /** All that is left. */
  async *rest(): Bytes {
    for (let piece = await this.next(); piece !== undefined; piece = await this.next()) yield piece
  }

  /** Some bytes; undefined at the end. */
  async next(): Promise<Uint8Array | undefined> {
    if (this.#piece.length === 0 && !(await this.#more())) return undefined
    const piece = this.#piece
    this.#piece = new Uint8Array(0)
    return piece
  }

  /** Gives back what was taken last and is not wanted. */
  unread(bytes: Uint8Array): void {
    this.#piece = this.#piece.length === 0 ? bytes : Buffer.concat([bytes, this.#piece])
  }

  /** Ends the source, wherever it is. */
  async close(): Promise<void> {
    if (!this.#hasEnded) await this.#source.return?.()
  }

  async #more(): Promise<boolean> {
    while (!this.#hasEnded && this.#piece.length === 0) {
      const { done, value } = await this.#source.next()
      if (done) this.#hasEnded = true
      else this.#piece = value
    }
    return !this.#hasEnded
  }
}
