import type { CatalogueImage } from '../catalogue/list.ts'
import { DockerIpfsError } from '../errors.ts'
import { familiarName } from '../image/name.ts'
import { type ResolveOptions, resolve } from './resolve.ts'
import { repositoryAndTag } from './show.ts'

/** Says of an image, among all, whether it is wanted. */
export type ImageFilter = (image: CatalogueImage, all: readonly CatalogueImage[]) => boolean

const KEYS = ['before', 'dangling', 'reference', 'since']

/**
 * Reads the filters of `docker images`: several of one key are alternatives, and all keys must agree.
 * @throws BAD_FLAG for another key or value; what `resolve` throws for an image that is named
 */
export async function readFilters(texts: readonly string[], options: ResolveOptions): Promise<ImageFilter> {
  const byKey = new Map<string, ImageFilter[]>()
  for (const text of texts) {
    const [key = '', value] = text.split(/=(.*)/s)
    if (value === undefined || !KEYS.includes(key)) {
      throw new DockerIpfsError('BAD_FLAG', `invalid filter "${text}"`, {
        hint: `There are dangling=true|false, reference=PATTERN, before=IMAGE and since=IMAGE.`,
      })
    }
    byKey.set(key, [...(byKey.get(key) ?? []), await readFilter(key, value, options)])
  }
  return (image, all) => [...byKey.values()].every((filters) => filters.some((isWanted) => isWanted(image, all)))
}

async function readFilter(key: string, value: string, options: ResolveOptions): Promise<ImageFilter> {
  if (key === 'reference') return ({ name }) => matches(name, value)
  if (key === 'dangling') {
    if (!/^(?:true|false|1|0)$/i.test(value))
      throw new DockerIpfsError('BAD_FLAG', `invalid filter "dangling=${value}"`)
    const wanted = /^(?:true|1)$/i.test(value)
    return ({ name }) => (name === undefined) === wanted
  }
  const { root } = await resolve(value, options)
  return (image, all) => {
    const limit = timeOf(all.find((other) => other.root.equals(root)))
    return key === 'before' ? timeOf(image) < limit : timeOf(image) > limit
  }
}

/** Whether a full name is one of a pattern such as `shop`, `shop:1.*` or `team/*`; a star is any text without a slash. */
export function matches(name: string | undefined, pattern: string): boolean {
  const { repository, tag } = repositoryAndTag(name)
  const words = name === undefined ? [repository] : [repository, familiarName(name), `${repository}:${tag}`, name]
  const glob = pattern
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replace(/\*/g, '[^/]*')
    .replace(/\?/g, '[^/]')
  const is = regular(glob)
  return words.some((word) => is.test(word))
}

function regular(glob: string): RegExp {
  try {
    return new RegExp(`^${glob}$`)
  } catch (cause) {
    throw new DockerIpfsError('BAD_FLAG', 'the pattern has a [ without a ]', { cause })
  }
}

function timeOf(image: CatalogueImage | undefined): number {
  return Date.parse(image?.record?.created ?? '')
}
