import { type Block, type BlockSink, rawBlock } from '../../dag/blocks.ts'
import { type DagNode, joinFile, leafNode } from '../../format/files.ts'

/** Bytes of a leaf, as Kubo cuts files that somebody adds. */
const LEAF_BYTES = 1024 * 1024
/** Bytes that wait to be seen again, at most: of a blob of ours a dozen chunks do. */
const MAX_WAITING = 32 * 1024 * 1024

/**
 * Writes a blob as it is, as a file of raw leaves, while it streams by. Where the layer that is made of it has the same bytes, since docker-ipfs
 * packed it, that layer's leaves are those of the file too: so bytes wait until the layer's next leaf was seen. At the first that differs, and for
 * what is no layer at all, they are cut every 1 MiB.
 */
export class RawFile {
  readonly #sink: BlockSink
  readonly #leaves: DagNode[] = []
  /** Bytes that are in no leaf yet. */
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #isOurs: boolean

  /** @param mayBeOurs a layer is made of it, whose leaves are shown to `same` */
  constructor(sink: BlockSink, mayBeOurs: boolean) {
    this.#sink = sink
    this.#isOurs = mayBeOurs
  }

  /** The piece may be kept: nobody may write into it afterwards. */
  async write(piece: Uint8Array): Promise<void> {
    this.#waiting.push(piece)
    this.#waitingBytes += piece.length
    if (this.#waitingBytes > MAX_WAITING) this.#isOurs = false
    if (!this.#isOurs) await this.#cut(LEAF_BYTES)
  }

  /** The next leaf of the layer that is made of these bytes. */
  same(leaf: Block): void {
    if (!this.#isOurs) return
    const bytes = this.#waitingBytes >= leaf.bytes.length ? this.#peek(leaf.bytes.length) : undefined
    this.#isOurs = bytes?.equals(leaf.bytes) === true
    if (!this.#isOurs) return
    this.#take(leaf.bytes.length)
    this.#leaves.push(leafNode(leaf))
  }

  /** No leaf of the layer comes any more. */
  layerEnded(): void {
    this.#isOurs = false
  }

  async finish(): Promise<DagNode> {
    await this.#cut(LEAF_BYTES)
    if (this.#waitingBytes > 0 || this.#leaves.length === 0) await this.#leaf(this.#take(this.#waitingBytes))
    return joinFile(this.#leaves, this.#sink)
  }

  async #cut(size: number): Promise<void> {
    while (this.#waitingBytes >= size) await this.#leaf(this.#take(size))
  }

  async #leaf(bytes: Uint8Array): Promise<void> {
    const leaf = rawBlock(bytes)
    await this.#sink.put(leaf)
    this.#leaves.push(leafNode(leaf))
  }

  #peek(size: number): Buffer {
    const parts: Uint8Array[] = []
    for (let at = 0, have = 0; have < size; at += 1) {
      const part = (this.#waiting[at] as Uint8Array).subarray(0, size - have)
      parts.push(part)
      have += part.length
    }
    return parts.length === 1 ? Buffer.from(parts[0] as Uint8Array) : Buffer.concat(parts, size)
  }

  #take(size: number): Buffer {
    const bytes = this.#peek(size)
    let left = size
    while (left > 0) {
      const [first] = this.#waiting as [Uint8Array]
      if (first.length <= left) this.#waiting.shift()
      else this.#waiting[0] = first.subarray(left)
      left -= Math.min(first.length, left)
    }
    this.#waitingBytes -= size
    return bytes
  }
}
