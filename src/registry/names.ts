import type { Catalogue } from '../catalogue/catalogue.ts'
import { findNames } from '../catalogue/list.ts'
import type { CID } from '../dag/cid.ts'
import { DockerIpfsError } from '../errors.ts'
import { repositoryOf } from '../image/name.ts'
import { type Resolution, type ResolveOptions, resolveAll } from '../names/resolve.ts'
import { within } from '../time.ts'
import type { Place } from './place.ts'
import { orAborted, Together } from './together.ts'

export interface NamesOptions extends ResolveOptions {
  readonly catalogue: Catalogue
}

/** Time in which clients ask again for what they have just asked for, in milliseconds. */
const AGAIN_MS = 5000
/** Time for the catalogue, in milliseconds. */
const LOOK_MS = 10_000
/** Tags that an error lists. */
const MAX_LISTED = 10

/** Paths that clients can ask for (spec.md, "Pulling manifests"): registries with a port are none. */
const PATH = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/

/** An image with its tag. */
interface Tagged {
  readonly tag: string
  readonly root: CID
}

/** What tags stand for: in the catalogue as it is now, and in what others publish. */
export class Names {
  readonly #options: NamesOptions
  readonly #published: Together<readonly Resolution[]>

  /** `signal`: as long as the registry is there. */
  constructor(options: NamesOptions) {
    this.#options = options
    this.#published = new Together(options.signal, { valueMs: AGAIN_MS, errorMs: AGAIN_MS })
  }

  /**
   * The image of a tag; undefined where there is none.
   * @throws IMAGE_NOT_FOUND, CONTENT_NOT_FOUND, PUBLICATION_INVALID, NODE_*
   */
  async root(place: Place, tag: string, signal: AbortSignal): Promise<CID | undefined> {
    if (place.kind === 'image') return tag === 'latest' ? place.root : undefined
    if (place.kind === 'name') {
      return this.#look(signal, (catalogue, limited) => catalogue.findName(`${place.repository}:${tag}`, limited))
    }
    const images = await this.#taggedBy(place, signal)
    const found = images.find((image) => image.tag === tag)
    if (found !== undefined) return found.root
    const there = images.slice(0, MAX_LISTED).map((image) => image.tag)
    throw new DockerIpfsError('IMAGE_NOT_FOUND', `${shown(place)} has no tag ${tag}, only ${there.join(', ')}`)
  }

  /**
   * The tags of a repository, and their images; undefined where there is no such repository.
   * @throws as `root`
   */
  async tagged(place: Place, signal: AbortSignal): Promise<readonly Tagged[] | undefined> {
    if (place.kind === 'image') return [{ tag: 'latest', root: place.root }]
    if (place.kind === 'published') return this.#taggedBy(place, signal)
    const { repository } = place
    const at = repository.lastIndexOf('/')
    const entries = await this.#look(signal, (catalogue, limited) =>
      catalogue.entries(`images/${repository.slice(0, at)}`, limited),
    )
    const base = `${repository.slice(at + 1)}:`
    const tags = (entries ?? []).filter(({ name }) => name.startsWith(base))
    return tags.length === 0 ? undefined : tags.map(({ name, cid }) => ({ tag: name.slice(base.length), root: cid }))
  }

  /** The repositories of the catalogue that can be asked for, by their full names. */
  async repositories(signal: AbortSignal): Promise<readonly string[]> {
    const { images } = await this.#look(signal, findNames)
    return [...new Set(images.map(({ name }) => repositoryOf(name)))].filter((path) => PATH.test(path))
  }

  /** Asks the catalogue as it is now. No client's signal goes there: what one asks for may be the answer for others. */
  #look<T>(signal: AbortSignal, ask: (catalogue: Catalogue, signal: AbortSignal) => Promise<T>): Promise<T> {
    const { catalogue } = this.#options
    const asked = within(LOOK_MS, this.#options.signal, async (limited) => {
      await catalogue.top(limited)
      return ask(catalogue, limited)
    })
    return orAborted(asked, signal)
  }

  async #taggedBy(place: Place & { kind: 'published' }, signal: AbortSignal): Promise<readonly Tagged[]> {
    const text = shown(place)
    const found = await this.#published.ask(text, signal, (limited) =>
      resolveAll(text, { ...this.#options, signal: limited }),
    )
    const images = found.map(({ root, published }) => ({ tag: tagOf(published?.name), root }))
    if (place.path !== '') return images
    const [first, ...more] = images
    if (first !== undefined && more.length === 0) return [{ tag: 'latest', root: first.root }]
    throw new DockerIpfsError('IMAGE_NOT_FOUND', `${text} has ${images.length} images: put the name of one behind it`)
  }
}

function shown({ reference, path }: Place & { kind: 'published' }): string {
  return path === '' ? reference : `${reference}/${path}`
}

function tagOf(name: string | undefined): string {
  return name === undefined ? 'latest' : name.slice(name.lastIndexOf(':') + 1)
}
