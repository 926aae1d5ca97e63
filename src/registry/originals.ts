import type { Catalogue } from '../catalogue/catalogue.ts'
import type { Originals } from '../catalogue/originals.ts'
import { AT_ONCE } from '../dag/walk.ts'
import type { StoredBlob } from '../distribution/registry.ts'
import { isDigest } from '../image/documents.ts'
import { repositoryOf } from '../image/name.ts'
import type { BlockStore } from '../store/blocks.ts'
import { mapInOrder } from '../streams.ts'
import type { PushedRegistry } from './node-registry.ts'
import { nameOf, repositoryNameOf } from './place.ts'

interface OriginalsOptions {
  readonly originals: Originals
  readonly catalogue: Pick<Catalogue, 'findName'>
  readonly blocks: Pick<BlockStore, 'cat'>
}

/** What was pushed, as it was pushed. A tag that stands for another image by now is not there. */
export function createPushedRegistry({ originals, catalogue, blocks }: OriginalsOptions): PushedRegistry {
  /** What a name stands for; undefined where a save, a tag or a removal came after the push. */
  const named = async (name: string, signal: AbortSignal) => {
    const [original, root] = await Promise.all([originals.named(name, signal), catalogue.findName(name, signal)])
    return original?.root === root?.toString() ? original : undefined
  }
  const stillNamed = async (names: readonly string[], signal: AbortSignal) => {
    const found: string[] = []
    const looked = mapInOrder(names, AT_ONCE, async (name) => ((await named(name, signal)) ? [name] : []))
    for await (const one of looked) found.push(...one)
    return found
  }
  return {
    async manifest(repository, reference, _, signal) {
      await originals.sync(signal)
      if (isDigest(reference)) return originals.manifest(reference, signal)
      const name = nameOf(repository, reference)
      const original = name === undefined ? undefined : await named(name, signal)
      const manifest = original && (await originals.manifest(original.digest, signal))
      return manifest && { ...manifest, ...(original.root === undefined ? {} : { root: original.root }) }
    },
    async blob(_, digest, __, signal) {
      await originals.sync(signal)
      const file = await originals.blob(digest, signal)
      return file && storedFile(digest, file, blocks)
    },
    async tags(repository, signal) {
      await originals.sync(signal)
      const name = repositoryNameOf(repository)
      const names = name === undefined ? [] : await stillNamed(await originals.names(name, signal), signal)
      return names.length === 0 ? undefined : names.map((full) => full.slice(repositoryOf(full).length + 1))
    },
    async repositories(signal) {
      await originals.sync(signal)
      return [...new Set((await stillNamed(await originals.names(undefined, signal), signal)).map(repositoryOf))]
    },
    async referrers(_, digest, signal) {
      await originals.sync(signal)
      return originals.referrers(digest, signal)
    },
  }
}

function storedFile(
  digest: string,
  { cid, fileSize }: NonNullable<Awaited<ReturnType<Originals['blob']>>>,
  blocks: Pick<BlockStore, 'cat'>,
): StoredBlob {
  return {
    digest,
    size: fileSize,
    async *read(range, signal) {
      if (range.length > 0) yield* blocks.cat({ root: cid, path: [], digest }, signal, range)
    },
  }
}
