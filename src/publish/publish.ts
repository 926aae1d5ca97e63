import { isDeepStrictEqual } from 'node:util'
import type { Catalogue } from '../catalogue/catalogue.ts'
import type { Publications } from '../catalogue/publications.ts'
import type { Block, BlockSink } from '../dag/blocks.ts'
import { type CID, parseCid } from '../dag/cid.ts'
import { dagSizeOf } from '../dag/walk.ts'
import { DockerIpfsError, messageOf } from '../errors.ts'
import type { Report } from '../events.ts'
import type { DagNode } from '../format/files.ts'
import { resolveAll } from '../names/resolve.ts'
import { nameOf, type PublishedCatalogue, type PublishedImage } from '../publication/document.ts'
import { type Publication, readPublication, rootOf } from '../publication/read.ts'
import { writePublication } from '../publication/write.ts'
import type { BlockStore } from '../store/blocks.ts'
import type { Key, Naming } from '../store/naming.ts'
import type { Node } from '../store/node.ts'
import type { Pins } from '../store/pins.ts'
import type { Routing } from '../store/routing.ts'
import { mapInOrder } from '../streams.ts'
import { chooseImages } from './published-images.ts'

export interface PublishOptions {
  readonly node: Pick<Node, 'address'>
  readonly blocks: BlockStore
  readonly pins: Pins
  readonly routing: Routing
  readonly naming: Naming
  readonly catalogue: Catalogue
  readonly publications: Publications
  readonly report: Report
  readonly signal: AbortSignal
  /** Name or ID of a key of the node; without one, the key that is ours, which is made when it is not there. */
  readonly key: string | undefined
  /** Time for telling the network, in milliseconds. */
  readonly announceTimeoutMs: number
}

export interface PublishResult {
  /** `k51…` */
  readonly id: string
  readonly root: CID
  readonly catalogue: PublishedCatalogue
  /** False when all was published already. */
  readonly isNew: boolean
  /** Why the network was not told; undefined when it was. */
  readonly notAnnounced: string | undefined
  readonly peers: number
}

/** Not `self`: what the user published under that, a web site say, would be gone. */
const OUR_KEY = 'docker-ipfs'
const MAX_ROUNDS = 20
const AT_ONCE = 16
const LOOK_MS = 10_000

/**
 * Publishes images of the node's catalogue under an IPNS key: the named ones beside what is published there, or else all and
 * nothing else. Each publication has a number of its own, which only one can take, and is kept whole before the name is set
 * to it: so whatever happens, and whoever publishes meanwhile, the name stands for a whole one.
 * @throws IMAGE_NOT_FOUND, REFERENCE_INVALID, USAGE (no such key, nothing to publish), NODE_*
 */
export async function publish(names: readonly string[], options: PublishOptions): Promise<PublishResult> {
  const key = await findKey(options)
  for (let round = 1; round <= MAX_ROUNDS; round += 1) {
    const before = await newest(key, options)
    const images = await chooseImages(names, before?.catalogue?.images ?? [], options)
    if (images.length === 0) {
      throw new DockerIpfsError('USAGE', 'there is nothing to publish: the catalogue has no image with a name', {
        hint: 'Save one by its name first: docker ipfs save IMAGE',
      })
    }
    if (before?.catalogue !== undefined && isDeepStrictEqual(before.catalogue.images, images)) {
      options.report({ type: 'step', text: `Publication ${before.sequence} has these images already` })
      const same = await setName(key, { root: before.root, catalogue: before.catalogue }, false, options)
      if (await isKept(key, same, options)) return same
      continue
    }
    const catalogue: PublishedCatalogue = {
      schemaVersion: 1,
      publishedAt: new Date().toISOString(),
      sequence: (before?.sequence ?? 0) + 1,
      previous: before?.root.toString() ?? null,
      images,
    }
    const root = await keep(key, catalogue, options)
    // Without a root, somebody else has taken the number: theirs is now the one before.
    if (root === undefined) continue
    const published = await setName(key, { root, catalogue }, true, options)
    if (await isKept(key, published, options)) return published
  }
  throw new DockerIpfsError('NODE_FAILED', `others publish under ${key.name} all the time`, {
    hint: 'Try again later.',
  })
}

async function findKey({ node, naming, signal, key }: PublishOptions): Promise<Key> {
  const find = async () => (await naming.keys(signal)).find(({ name, id }) => name === (key ?? OUR_KEY) || id === key)
  const found = await find()
  if (found !== undefined) return found
  if (key !== undefined) {
    throw new DockerIpfsError('USAGE', `the node at ${node.address} has no key ${key}`, {
      hint: `"docker ipfs key ls" lists them; "docker ipfs key gen ${key}" makes one.`,
    })
  }
  try {
    return await naming.makeKey(OUR_KEY, signal)
  } catch (error) {
    // Another one who publishes for the first time may have made it.
    const made = await find()
    if (made === undefined) throw error
    return made
  }
}

interface Before {
  readonly root: CID
  readonly sequence: number
  /** Undefined where it cannot be read any more. */
  readonly catalogue: PublishedCatalogue | undefined
}

/** What is published under the key, read from the node alone. */
async function newest(key: Key, options: PublishOptions): Promise<Before | undefined> {
  const { blocks, publications, report, signal } = options
  const before = await publications.newest(key.id, signal)
  if (before === undefined) return lost(key, options)
  try {
    const read = await readPublication(before.root, (cid) => ownBlock(cid, blocks, signal), signal)
    return { ...before, catalogue: read?.catalogue }
  } catch (error) {
    if (!(error instanceof DockerIpfsError) || signal.aborted) throw error
    report({ type: 'warning', text: `publication ${before.sequence} cannot be read: ${error.message}` })
    return { ...before, catalogue: undefined }
  }
}

/** What the name stands for though the node does not keep it: somebody has emptied our folder. Numbers go on from there. */
async function lost(key: Key, options: PublishOptions): Promise<Before | undefined> {
  try {
    const [first] = await resolveAll(`/ipns/${key.id}`, { ...options, timeoutMs: LOOK_MS })
    const publication = first?.published?.publication
    if (publication === undefined) return undefined
    return { root: publication.root, sequence: publication.catalogue.sequence, catalogue: undefined }
  } catch {
    if (options.signal.aborted) throw options.signal.reason
    return undefined
  }
}

async function ownBlock(cid: CID, blocks: BlockStore, signal: AbortSignal): Promise<Uint8Array> {
  const bytes = await blocks.ownBlock(cid, signal)
  if (bytes !== undefined) return bytes
  throw new DockerIpfsError('CONTENT_NOT_FOUND', `the node lacks ${cid}`)
}

/**
 * Whether a publication is still the newest, or one that the newest goes back to. MFS loses entries where others write to the same
 * folder: what was lost so is published once more.
 */
async function isKept(key: Key, own: Publication, { blocks, publications, signal }: PublishOptions): Promise<boolean> {
  let at = await publications.newest(key.id, signal)
  try {
    while (at !== undefined && at.sequence > own.catalogue.sequence) {
      const read = await readPublication(at.root, (cid) => ownBlock(cid, blocks, signal), signal)
      const previous = read?.catalogue.previous ?? undefined
      at = previous === undefined ? undefined : { root: parseCid(previous), sequence: at.sequence - 1 }
    }
  } catch (error) {
    if (!(error instanceof DockerIpfsError) || signal.aborted) throw error
    return false
  }
  return at?.root.equals(own.root) === true
}

/** Writes a publication and keeps it from GC. Undefined when another one has its number. */
async function keep(key: Key, catalogue: PublishedCatalogue, options: PublishOptions): Promise<CID | undefined> {
  const { blocks, publications, signal } = options
  const written: Block[] = []
  const sink: BlockSink = { put: async (block) => void written.push(block) }
  const { cid: root } = await writePublication(catalogue, await nodesOf(catalogue.images, options), sink)
  await send(written, blocks, signal)
  if (!(await publications.add(key.id, { root, sequence: catalogue.sequence }, signal))) return undefined
  // GC may have run between: from now on it takes nothing of this.
  const needed = [...written.map(({ cid }) => cid), ...catalogue.images.map(rootOf)]
  for (let round = 1; !(await hasAll(needed, blocks, signal)); round += 1) {
    if (round === MAX_ROUNDS)
      throw new DockerIpfsError('NODE_FAILED', 'what is sent to the IPFS node does not stay there')
    await send(written, blocks, signal)
  }
  return root
}

async function send(written: readonly Block[], blocks: BlockStore, signal: AbortSignal): Promise<void> {
  const session = blocks.openImport(signal)
  try {
    for (const block of written) await session.put(block)
    await session.finish()
  } catch (error) {
    await session.abort(error)
    throw error
  }
}

async function hasAll(cids: readonly CID[], blocks: BlockStore, signal: AbortSignal): Promise<boolean> {
  for await (const has of mapInOrder(cids, AT_ONCE, (cid) => blocks.hasBlock(cid, signal))) if (!has) return false
  return true
}

/** What links to the images must say. */
async function nodesOf(
  images: readonly PublishedImage[],
  { blocks, signal }: PublishOptions,
): Promise<Map<string, DagNode>> {
  const nodes = new Map<string, DagNode>()
  const sized = mapInOrder(images, AT_ONCE, async (image) => {
    const cid = rootOf(image)
    return { image, cid, dagSize: await dagSizeOf(cid, { blocks, signal }) }
  })
  for await (const { image, cid, dagSize } of sized) {
    if (dagSize === undefined) {
      throw new DockerIpfsError('NODE_FAILED', `the node has lost ${cid}, which is ${nameOf(image)}`, {
        hint: 'Save it again, or remove the name.',
      })
    }
    nodes.set(nameOf(image), { cid, fileSize: 0, dagSize })
  }
  return nodes
}

/** Sets the name to a publication that is kept, or to the newest, if that is another by now. */
async function setName(key: Key, own: Publication, isNew: boolean, options: PublishOptions): Promise<PublishResult> {
  const { naming, publications, routing, report, signal, announceTimeoutMs } = options
  const limit = AbortSignal.timeout(announceTimeoutMs)
  const limited = AbortSignal.any([signal, limit])
  let notAnnounced: string | undefined
  const tell = async (what: () => Promise<void>) => {
    try {
      await what()
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (!limit.aborted) throw error
      notAnnounced = `it took longer than ${Math.round(announceTimeoutMs / 1000)} s`
    }
  }
  report({ type: 'step', text: `Publishing ${own.root} as ${key.id}` })
  let newest = { root: own.root, sequence: own.catalogue.sequence }
  for (let isSet = false; !isSet; ) {
    newest = (await publications.newest(key.id, signal)) ?? newest
    // The node writes its own record first, and then tells the network.
    await tell(() => naming.publish(newest.root, key, limited))
    isSet = ((await publications.newest(key.id, signal)) ?? newest).sequence === newest.sequence
  }
  await publications.retire(key.id, newest.sequence, signal)
  await tell(() => routing.announce(newest.root, limited)).catch((error: unknown) => {
    if (signal.aborted) throw signal.reason
    notAnnounced ??= messageOf(error)
  })
  return { ...own, id: key.id, isNew, notAnnounced, peers: await routing.peers(signal) }
}
