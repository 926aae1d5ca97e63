import { catBlocks, type FileRef, type Range } from '../../dag/block-source.ts'
import type { CID } from '../../dag/cid.ts'
import { DockerIpfsError } from '../../errors.ts'
import type { Bytes } from '../../streams.ts'
import type { Blocks } from '../blocks.ts'
import type { CarFile } from './car-reader.ts'

/** The blocks of CAR files that are open: each from the first that has it. */
export class CarBlocks implements Blocks {
  readonly #cars: readonly CarFile[]

  constructor(cars: readonly CarFile[]) {
    this.#cars = cars
  }

  async block(cid: CID, signal: AbortSignal): Promise<Uint8Array> {
    const bytes = await this.ownBlock(cid, signal)
    if (bytes !== undefined) return bytes
    const files = this.#cars.map(({ name }) => name).join(' and ')
    throw new DockerIpfsError('CONTENT_NOT_FOUND', `${files} lacks the block ${cid}`)
  }

  async ownBlock(cid: CID, signal: AbortSignal): Promise<Uint8Array | undefined> {
    for (const car of this.#cars) {
      signal.throwIfAborted()
      const bytes = await car.block(cid)
      if (bytes !== undefined) return bytes
    }
    return undefined
  }

  async hasBlock(cid: CID, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted()
    return this.#cars.some((car) => car.has(cid))
  }

  cat(file: FileRef, signal: AbortSignal, range?: Range): Bytes {
    return catBlocks(file, (cid, limited) => this.block(cid, limited), signal, range)
  }
}
