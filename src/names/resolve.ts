// The room of names: what somebody typed for an image, turned into a root CID, and names given, taken away and picked out.
// Texts are read in reference.ts, without asking anybody. resolve.ts asks the catalogue, IPNS and publications.
// It reads through ports, and changes the catalogue and pins (tag.ts, remove.ts). It loads, saves and publishes nothing.
// A new kind of reference gets a kind in `Reference`, and a branch in `resolve` and in `resolveAll`; a new filter a key in filter.ts.

import type { Catalogue } from '../catalogue/catalogue.ts'
import type { Publications } from '../catalogue/publications.ts'
import { type CID, parseCid } from '../dag/cid.ts'
import { descend } from '../dag/walk.ts'
import { DockerIpfsError } from '../errors.ts'
import { otherTags, repositoryOf } from '../image/name.ts'
import { nameOf, type PublishedImage } from '../publication/document.ts'
import { findAllPublished, findPublished, type Publication, readPublication, rootOf } from '../publication/read.ts'
import { Seeker } from '../read/seek.ts'
import { ifAllowed } from '../store/allowed.ts'
import type { Blocks } from '../store/blocks.ts'
import type { Naming } from '../store/naming.ts'
import type { Node } from '../store/node.ts'
import type { Routing } from '../store/routing.ts'
import { within } from '../time.ts'
import { parseReference, type Reference } from './reference.ts'

/** What a reference stands for. */
export interface Resolution {
  readonly root: CID
  /** The full name in the node's catalogue that it was found under (`docker.io/library/app:1`). */
  readonly name?: string
  /** Where it was found under a name that others give. */
  readonly published?: PublishedName
}

/** A name that others give to an image: it stands in a publication, or leads to the image itself. */
export interface PublishedName {
  /** The key or domain; undefined for a publication that was named by its CID. */
  readonly by: string | undefined
  /** The publication; undefined where the name leads to an image itself. */
  readonly publication: Publication | undefined
  /** Full name of the image there. */
  readonly name: string | undefined
  /** What is said there of its config. */
  readonly configDigest: string | undefined
}

export interface ResolveOptions {
  readonly node: Pick<Node, 'address'>
  readonly blocks: Pick<Blocks, 'block'>
  readonly naming: Pick<Naming, 'resolve'>
  readonly routing: Pick<Routing, 'meet'>
  readonly catalogue: Catalogue
  readonly publications: Publications
  readonly signal: AbortSignal
  /** Time for a name to be found, and for each block behind it, in milliseconds. Default: 60 s. */
  readonly timeoutMs?: number
}

const TIMEOUT_MS = 60_000
/** Folders that a name may lead through. */
const MAX_STEPS = 32

/**
 * Finds the root that a reference stands for (see `parseReference`). Names that others give are looked up anew each time.
 * @throws REFERENCE_INVALID, IMAGE_NOT_FOUND, CONTENT_NOT_FOUND, PUBLICATION_INVALID, USAGE for a publication of several images
 *   without the name of one, NODE_*
 */
export async function resolve(text: string, options: ResolveOptions): Promise<Resolution> {
  const reference = parseReference(text)
  if (reference.kind === 'name') return { root: await findName(reference.name, text, options), name: reference.name }
  if (reference.kind === 'cid' && reference.path === '') return { root: reference.cid }
  const { by, root, publication, path } = await open(reference, options)
  if (publication === undefined) return unnamed(by, root)
  return named(by, publication, findPublished(publication, path))
}

/**
 * Finds all images of the repository that a reference names, by full name; of a publication without a path all that it has.
 * @throws what `resolve` throws, but for USAGE
 */
export async function resolveAll(text: string, options: ResolveOptions): Promise<readonly Resolution[]> {
  const reference = parseReference(text)
  if (reference.kind === 'name') return findTags(reference.name, text, options)
  const { by, root, publication, path } = await open(reference, options)
  if (publication === undefined) return [unnamed(by, root)]
  return findAllPublished(publication, path).map((image) => named(by, publication, image))
}

/**
 * The publication that a reference means, and the path of an image in it, which may be empty.
 * @throws what `resolve` throws; USAGE for what leads to no publication
 */
export async function resolvePublication(
  text: string,
  options: ResolveOptions,
): Promise<{ readonly publication: Publication; readonly path: string }> {
  const reference = parseReference(text)
  const opened = reference.kind === 'name' ? undefined : await open(reference, options)
  if (opened?.publication !== undefined) return { publication: opened.publication, path: opened.path }
  throw new DockerIpfsError('USAGE', `"${text.trim()}" is no name under which images are published`, {
    hint: 'Give one such as ipns://KEY; "docker ipfs key ls" lists the keys of the node.',
  })
}

/**
 * The publication before another; undefined for the first.
 * @throws CONTENT_NOT_FOUND, PUBLICATION_INVALID, NODE_*
 */
export async function previousOf(
  { root, catalogue: { previous, sequence } }: Publication,
  options: ResolveOptions,
): Promise<Publication | undefined> {
  if (previous === null) return undefined
  const before = parseCid(previous)
  // Who gives the newer one has mostly this one too.
  const block = blockBelow([before, root], `the publication before ${root}`, options)
  const found = await readPublication(before, block, options.signal)
  // Numbers grow, so that a walk back ends.
  if (found !== undefined && found.catalogue.sequence < sequence) return found
  throw new DockerIpfsError('PUBLICATION_INVALID', `${previous} is no publication before ${root}`, {
    hint: 'Ask who published it.',
  })
}

function unnamed(by: string | undefined, root: CID): Resolution {
  return { root, published: { by, publication: undefined, name: undefined, configDigest: undefined } }
}

function named(by: string | undefined, publication: Publication, image: PublishedImage): Resolution {
  const { configDigest } = image
  return { root: rootOf(image), published: { by, publication, name: nameOf(image), configDigest } }
}

async function findName(name: string, text: string, { node, catalogue, signal }: ResolveOptions): Promise<CID> {
  const root = await catalogue.findName(name, signal)
  if (root !== undefined) return root
  const tags = await tagsOf(name, catalogue, signal)
  const others = otherTags(
    name,
    tags.map((tag) => tag.name),
  )
  const asked = others?.wanted ?? text.trim()
  throw new DockerIpfsError('IMAGE_NOT_FOUND', `no image of the name "${asked}" on the node at ${node.address}`, {
    hint: others?.hint ?? withoutDoor(asked) ?? 'Give a CID, or a name that was saved to this node.',
  })
}

/** Who has pulled from a registry of this machine takes its address for a part of the name. */
function withoutDoor(asked: string): string | undefined {
  const [, address = '', rest = ''] = /^((?:127\.[\d.]+|localhost|\[::1\]):\d+\/)(.+)$/.exec(asked) ?? []
  return address === ''
    ? undefined
    : `Give "${rest}": "${address}" is for docker alone, where a registry of this machine is.`
}

async function findTags(name: string, text: string, options: ResolveOptions): Promise<readonly Resolution[]> {
  const tags = await tagsOf(name, options.catalogue, options.signal)
  if (tags.length === 0) await findName(name, text, options)
  return tags
}

/** All that the catalogue has of the repository of a name. */
async function tagsOf(
  name: string,
  catalogue: Pick<Catalogue, 'entries'>,
  signal: AbortSignal,
): Promise<{ readonly root: CID; readonly name: string }[]> {
  const repository = repositoryOf(name)
  const at = repository.lastIndexOf('/')
  const entries = await catalogue.entries(`images/${repository.slice(0, at)}`, signal)
  const tags = (entries ?? []).filter((entry) => entry.name.startsWith(`${repository.slice(at + 1)}:`))
  return tags.map((entry) => ({ root: entry.cid, name: `${repository.slice(0, at)}/${entry.name}` }))
}

/** What a reference that is no name of the catalogue leads to. */
interface NameTarget {
  readonly by: string | undefined
  /** Where there is no publication, the image itself. */
  readonly root: CID
  readonly publication: Publication | undefined
  /** Of the image in the publication. */
  readonly path: string
}

/** What a name leads to now. */
async function open(reference: Exclude<Reference, { kind: 'name' }>, options: ResolveOptions): Promise<NameTarget> {
  const { path } = reference
  const by = reference.kind === 'ipns' ? reference.name : undefined
  const root = reference.kind === 'ipns' ? await follow(reference.name, options) : reference.cid
  const publication = await readPublication(root, blockBelow([root], by ?? root.toString(), options), options.signal)
  if (publication === undefined && path !== '') {
    throw new DockerIpfsError('IMAGE_NOT_FOUND', `${by ?? root} is no catalogue of images, so it has no ${path}`, {
      hint: 'Leave the name away if it is an image.',
    })
  }
  return { by, root, publication, path }
}

/** The CID that a key or domain stands for. It is the node's word: it has checked the signature, or asked the DNS. */
async function follow(name: string, options: ResolveOptions): Promise<CID> {
  const found = await lookUp(name, options, (signal) => options.naming.resolve(name, signal)).catch(async (error) => {
    // A node without any routing does not even know its own names.
    const own = await ifAllowed(options.publications.newest(name, options.signal))
    if (own === undefined) throw error
    return `/ipfs/${own.root}`
  })
  const [first = '', ...steps] = found
    .replace(/^\/ipfs\//, '')
    .split('/')
    .filter((step) => step !== '')
  const top = parseCid(first)
  const root = await descend(top, steps.slice(0, MAX_STEPS), blockBelow([top], name, options))
  if (root !== undefined) return root
  throw new DockerIpfsError('IMAGE_NOT_FOUND', `${name} stands for ${found}, which is not there`)
}

/** Reads blocks below these roots, each within the time limit. */
function blockBelow(roots: readonly CID[], what: string, options: ResolveOptions): (cid: CID) => Promise<Uint8Array> {
  const { blocks, timeoutMs = TIMEOUT_MS } = options
  const seeker = new Seeker(roots, { ...options, timeoutMs })
  return (cid) => seeker.during(() => lookUp(what, options, (signal) => blocks.block(cid, signal)))
}

function lookUp<T>(
  what: string,
  { signal, timeoutMs = TIMEOUT_MS }: ResolveOptions,
  ask: (limited: AbortSignal) => Promise<T>,
): Promise<T> {
  return within(timeoutMs, signal, ask, () => {
    const seconds = timeoutMs / 1000
    return new DockerIpfsError('CONTENT_NOT_FOUND', `no node told what ${what} stands for within ${seconds} s`, {
      hint: 'Check the name, and that a node which knows it is running and reachable; --timeout waits longer.',
    })
  })
}
