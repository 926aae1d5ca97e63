import { list } from '../catalogue/list.ts'
import type { PulledName } from '../catalogue/records.ts'
import { DockerIpfsError, messageOf } from '../errors.ts'
import type { Report } from '../events.ts'
import { familiarName, fullName } from '../image/name.ts'
import { type PublishedName, type Resolution, type ResolveOptions, resolve, resolveAll } from '../names/resolve.ts'
import type { BlockStore } from '../store/blocks.ts'
import { type LoadOptions, load } from './load.ts'
import { type NodeSourceOptions, nodeSource } from './sources/node.ts'

export interface PullOptions extends LoadOptions, NodeSourceOptions, ResolveOptions {
  readonly timeoutMs: number
  readonly blocks: BlockStore
  /** Give the image no name. */
  readonly noTag: boolean
  /** All tags of the repository. */
  readonly allTags: boolean
  /** Also when the name stands for something older than at the last pull. */
  readonly allowOlder: boolean
}

export interface Pulled {
  readonly root: string
  /** The engine's ID of the image, `sha256:<hex>`. */
  readonly imageId: string
  readonly configDigest: string
  /** Full names that it has now in the engine. */
  readonly names: readonly string[]
  /** False when the engine had the image under these names already. */
  readonly isNew: boolean
}

/**
 * Finds what a reference stands for, loads it into the engine, and gives it the name that it had where it was saved. What a name
 * of others stood for is kept on the node, and a name that has gone back since is refused.
 * @throws PUBLICATION_OLDER; what `resolve` and `load` throw
 */
export async function* pull(reference: string, options: PullOptions): AsyncGenerator<Pulled> {
  const found = options.allTags ? await resolveAll(reference, options) : [await resolve(reference, options)]
  const last = await checkOrder(found[0]?.published, options)
  const images = { ...last?.images }
  for (const one of found) {
    tellMoves(one, last, options.report)
    const pulled = await pullOne(one, options)
    images[keyOf(one)] = pulled.root
    await remember(one.published, images, options)
    yield pulled
  }
}

/** An image in the record of a name; '' where the name leads to the image itself. */
function keyOf({ published }: Resolution): string {
  return published?.name ?? ''
}

function tellMoves(one: Resolution, last: PulledName | undefined, report: Report): void {
  const before = last?.images[keyOf(one)]
  if (before === undefined) return
  const name = one.published?.name === undefined ? (last?.name ?? '') : familiarName(one.published.name)
  const text =
    before === one.root.toString()
      ? `${name} has not moved since the last pull`
      : `${name} has moved since the last pull: from ${before} to ${one.root}`
  report({ type: 'step', text })
}

/** Writes down what a name stands for. What fails costs no more than the comparison at the next pull. */
async function remember(
  published: PublishedName | undefined,
  images: Readonly<Record<string, string>>,
  { publications, report, signal }: PullOptions,
): Promise<void> {
  if (published?.by === undefined) return
  const { by, publication } = published
  const root = publication?.root.toString() ?? images[''] ?? ''
  const sequence = publication?.catalogue.sequence ?? 0
  try {
    await publications.rememberPulled({ name: by, root, sequence, images }, signal)
  } catch (error) {
    if (signal.aborted) throw signal.reason
    report({ type: 'warning', text: `what ${by} stands for is not written down on the node: ${messageOf(error)}` })
  }
}

async function pullOne(found: Resolution, options: PullOptions): Promise<Pulled> {
  const { engine, signal } = options
  const names = await namesFor(found, options)
  const before = await Promise.all(names.map((name) => engine.inspect(familiarName(name), signal)))
  const [first, ...more] = names
  const { tag: _, ...rest } = options
  const { imageId, configDigest } = await load(nodeSource(found.root, options), {
    ...rest,
    configDigest: found.published?.configDigest,
    ...(first === undefined ? {} : { tag: first }),
  })
  for (const name of more) await engine.tag(imageId, familiarName(name), signal)
  const isNew = names.length === 0 || before.some((image) => image?.id !== imageId)
  return { root: found.root.toString(), imageId, configDigest, names, isNew }
}

/** A CID has the names that it has in the node's catalogue. */
async function namesFor({ root, name, published }: Resolution, options: PullOptions): Promise<string[]> {
  if (options.noTag) return []
  // What is no name is refused by the load.
  if (options.tag !== undefined) return [fullName(options.tag) ?? options.tag]
  const own = name ?? published?.name
  if (own !== undefined) return [own]
  const { images } = await list(options)
  return images.flatMap((image) => (image.root.equals(root) && image.name !== undefined ? [image.name] : []))
}

/** Holds what a name stands for now against what it stood for at the last pull, which it gives. */
async function checkOrder(published: PublishedName | undefined, options: PullOptions): Promise<PulledName | undefined> {
  const { publications, report, signal, allowOlder } = options
  if (published?.by === undefined) return undefined
  const { by, publication } = published
  const last = await publications.pulled(by, signal)
  const now = publication?.catalogue.sequence ?? 0
  if (last === undefined || now >= last.sequence) return last
  const text = `${by} stands for publication ${now} now, and stood for ${last.sequence} at the last pull`
  if (!allowOlder) {
    throw new DockerIpfsError('PUBLICATION_OLDER', `${text}: it has gone back`, {
      hint: 'Try again later: a node may have told of an old record. --allow-older takes it all the same.',
    })
  }
  report({ type: 'warning', text })
  return last
}
