import { CATALOGUE_MS, type Catalogue } from '../../catalogue/catalogue.ts'
import { type ImageRecord, writeImageRecord } from '../../catalogue/records.ts'
import type { CID } from '../../dag/cid.ts'
import { imageSize } from '../../dag/sizes.ts'
import { hasCode, messageOf } from '../../errors.ts'
import type { Report } from '../../events.ts'
import type { Layer } from '../../format/layer.ts'
import { ifAllowed } from '../../store/allowed.ts'
import type { BlockStore } from '../../store/blocks.ts'
import type { Node } from '../../store/node.ts'
import type { Pins } from '../../store/pins.ts'
import { outlasting, within } from '../../time.ts'
import { type ConfirmOptions, confirm } from '../confirm.ts'
import type { Outline, SaveInput, TargetTraits } from '../input.ts'
import { findVersions, type Known, knowNothing, lookUp } from '../known.ts'
import type { SaveResult, SaveTarget, WriteImages, WrittenImage, WrittenImages } from '../target.ts'
import { tellSaved } from '../write-images.ts'

export interface NodeTargetOptions extends Pick<ConfirmOptions, 'confirmMs'> {
  readonly node: Pick<Node, 'version'>
  readonly blocks: BlockStore
  readonly pins: Pins
  readonly catalogue: Catalogue
  readonly report: Report
  readonly signal: AbortSignal
  /** Do all the work, whatever the catalogue knows. */
  readonly noCache?: boolean | undefined
  /** Of images with several platforms, only this one. */
  readonly platform?: string | undefined
}

/** GC takes what belongs to no image. */
const TRAITS: TargetTraits = { forgets: true, givesHints: true }

/** Time for the catalogue when a save is cancelled behind its pin, in milliseconds. */
const FINISH_MS = 10_000

/**
 * The node: images are pinned there and written into the catalogue, one result for each. Nothing is pinned unless all of them are there.
 */
export function nodeTarget(options: NodeTargetOptions): SaveTarget<SaveResult[]> {
  return new NodeTarget(options)
}

class NodeTarget implements SaveTarget<SaveResult[]> {
  readonly #options: NodeTargetOptions

  constructor(options: NodeTargetOptions) {
    this.#options = options
  }

  async take(input: SaveInput, write: WriteImages): Promise<SaveResult[]> {
    const { node, catalogue, report, signal, noCache, platform } = this.#options
    // While docker looks for the image: in a folder of thousands of names a look takes a while.
    const versions = noCache ? undefined : findVersions(input.wanted, catalogue, signal)
    versions?.catch(() => undefined)
    const version = node.version(signal)
    version.catch(() => undefined)
    // Else the engine would pack for nothing.
    const allowed = this.#options.blocks.mayImport(signal)
    allowed.catch(() => undefined)
    // A node that is down, and an image that is not there, are told before docker has packed anything.
    const outline = await input.look(TRAITS)
    await version
    // What the catalogue has by the engine's ID is all platforms.
    if (!noCache && platform === undefined) {
      const saved = await this.#alreadySaved(outline)
      if (saved !== undefined) return [saved]
    }
    await allowed
    report({ type: 'step', text: `Saving ${input.title}` })
    const anew = () => this.#once(input, outline, knowNothing, write)
    // A pipe cannot be read again, should the catalogue be wrong.
    if (versions === undefined || !input.again) return anew()
    try {
      const known = () => {
        const near = outline.names.length > 0 ? versions : findVersions(outline.otherNames, catalogue, signal)
        return lookUp(this.#options, near, outline.diffIds, signal)
      }
      return await this.#once(input, outline, known, write)
    } catch (error) {
      if (!hasCode(error, 'CATALOGUE_STALE')) throw error
      const what = input.isMany ? 'the images' : 'the image'
      report({ type: 'warning', text: `the catalogue is wrong (${error.message}): saving ${what} anew` })
      return anew()
    }
  }

  async #once(input: SaveInput, outline: Outline, know: () => Known, write: WriteImages): Promise<SaveResult[]> {
    const { blocks, report, signal } = this.#options
    // While the catalogue is asked, docker packs already: on classic stores it takes seconds before its first byte.
    const began = Date.now()
    const opened = await input.open(outline, TRAITS)
    try {
      const known = know()
      const session = blocks.openImport(signal, known.blocks)
      let written: WrittenImages
      try {
        written = await write(opened, { sink: session, known, over: session.over, report, tellsMissing: false })
        const roots = new Map(written.images.map(({ dag: { root } }) => [root.cid.toString(), root]))
        await confirm([...roots.values()], known, session, this.#options)
      } catch (error) {
        await session.abort(error)
        throw error
      }
      tellSaved(written, Date.now() - began, report)
      for (const [at, image] of written.images.entries()) {
        await this.#remember(image.dag.root.cid, recordOf(image), at === 0 ? written.layers : new Map(), known)
      }
      return written.images.map(({ dag }) => ({ root: dag.root.cid.toString(), configDigest: dag.configDigest }))
    } finally {
      opened.close()
    }
  }

  /** An image that the catalogue has by the engine's ID, and whose pin says that it is complete, is only named. */
  async #alreadySaved({ imageId, names }: Outline): Promise<SaveResult | undefined> {
    const { catalogue, pins, report, signal } = this.#options
    const known = imageId === undefined ? undefined : await ifAllowed(catalogue.findImage(imageId, signal))
    if (known === undefined || !(await ifAllowed(pins.isPinned(known.root, signal)))) return undefined
    const { root, record } = known
    report({ type: 'step', text: `${root} is already saved` })
    // One of the names may have gone to another image meanwhile.
    const named = await Promise.all(names.map((name) => catalogue.findName(name, signal)))
    const isNamed = names.every((name, at) => record.names.includes(name) && named[at]?.equals(root))
    if (!isNamed) await this.#remember(root, { ...record, names }, new Map())
    return { root: root.toString(), configDigest: record.configDigest }
  }

  /** Writes an image into the catalogue. What fails here costs only time at the next save: it is worth a warning. */
  async #remember(
    root: CID,
    record: ImageRecord,
    layers: ReadonlyMap<string, Layer>,
    known: Pick<Known, 'blocksRead'> = {},
  ): Promise<void> {
    const { catalogue, blocks, report, signal } = this.#options
    // It is pinned: without an entry nobody would find it again, so that a cancel waits for that.
    const lasting = outlasting(signal, FINISH_MS)
    try {
      await within(CATALOGUE_MS, lasting, async (limited) => {
        const count = () => ifAllowed(imageSize(root, { blocks: known.blocksRead ?? blocks, signal: limited }))
        const size = record.size ?? (await count())
        const full = writeImageRecord({ ...record, ...(size === undefined ? {} : { size }) })
        await catalogue.add({ root, record: full, layers }, limited)
      })
    } catch (error) {
      if (signal.aborted) throw signal.reason
      report({ type: 'warning', text: `the image is saved, but not in the node's catalogue: ${messageOf(error)}` })
    }
    signal.throwIfAborted()
  }
}

/** What the catalogue is to know of a new image. */
function recordOf({ dag, names, imageIds, layers }: WrittenImage): ImageRecord {
  const { root, configDigest, manifestDigest, created } = dag
  return {
    root: root.cid.toString(),
    configDigest,
    manifestDigest,
    created,
    names,
    imageIds,
    layers,
    savedAt: new Date().toISOString(),
  }
}
