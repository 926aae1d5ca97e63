import { type CID, rawCid } from '../dag/cid.ts'
import type { WritableFolder } from './folder.ts'
import { MAX_RECORD, type PulledName, readPulledName, writePulledName } from './records.ts'

/** A publication by its root and its number. What it says has not been read. */
export interface PublicationEntry {
  readonly root: CID
  readonly sequence: number
}

/** What a publication before the newest keeps, beside the block of its root. */
const DOCUMENTS = ['catalogue.json', 'index.html']

/**
 * What was published under the node's keys, and what was pulled from others':
 *
 *     published/<key>/<sequence>            the newest publication, with all its images
 *     published/<key>/before/<sequence>/    earlier ones without their images, so that GC can have these: documents, and the
 *                                           block of the root, as a raw file
 *     pulled/<key or domain>.json           what a name stood for when it was last pulled
 */
export class Publications {
  readonly #folder: WritableFolder

  constructor(folder: WritableFolder) {
    this.#folder = folder
  }

  /** The newest publication under a key, as it is now. */
  async newest(key: string, signal: AbortSignal): Promise<PublicationEntry | undefined> {
    await this.#folder.sync(signal)
    return (await this.#all(key, signal)).at(-1)
  }

  /**
   * Takes a sequence number for a publication, and keeps it from GC. False when another one has that number: of two that publish
   * at once, one gets it.
   */
  async add(key: string, { root, sequence }: PublicationEntry, signal: AbortSignal): Promise<boolean> {
    const path = `published/${key}/${sequence}`
    await this.#folder.link(path, root, signal)
    await this.#folder.sync(signal)
    // MFS may lose what two write at once.
    return (await this.#folder.find(path, signal))?.cid.equals(root) === true
  }

  /** Lets GC have the images of the publications before one. */
  async retire(key: string, before: number, signal: AbortSignal): Promise<void> {
    for (const { root, sequence } of await this.#all(key, signal)) {
      if (sequence >= before) continue
      const [from, to] = [`published/${key}/${sequence}`, `published/${key}/before/${sequence}`]
      for (const name of DOCUMENTS) {
        const file = await this.#folder.find(`${from}/${name}`, signal)
        if (file !== undefined) await this.#folder.link(`${to}/${name}`, file.cid, signal)
      }
      await this.#folder.link(`${to}/root`, rawCid(root), signal)
      await this.#folder.sync(signal)
      await this.#folder.remove(from, signal)
    }
    await this.#folder.sync(signal)
  }

  async #all(key: string, signal: AbortSignal): Promise<PublicationEntry[]> {
    const entries = (await this.#folder.entries(`published/${key}`, signal)) ?? []
    return entries
      .filter(({ name }) => /^[1-9]\d{0,14}$/.test(name))
      .map(({ name, cid }) => ({ root: cid, sequence: Number(name) }))
      .sort((a, b) => a.sequence - b.sequence)
  }

  /** What a name stood for when it was last pulled. */
  async pulled(name: string, signal: AbortSignal): Promise<PulledName | undefined> {
    const pulled = readPulledName(await this.#folder.read(`pulled/${name}.json`, MAX_RECORD, signal))
    return pulled?.name === name ? pulled : undefined
  }

  async rememberPulled(pulled: PulledName, signal: AbortSignal): Promise<void> {
    const path = `pulled/${pulled.name}.json`
    await this.#folder.remove(path, signal)
    await this.#folder.write(path, writePulledName(pulled), signal)
    await this.#folder.sync(signal)
  }
}
