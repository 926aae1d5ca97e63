import { findNames } from '../../catalogue/list.ts'
import type { RepositoryRef } from '../../distribution/registry.ts'
import { isDigest } from '../../image/documents.ts'
import { repositoryOf } from '../../image/name.ts'
import { readPushed } from '../../image/pushed.ts'
import { remove } from '../../names/remove.ts'
import { nameOf, repositoryNameOf } from '../place.ts'
import type { Found } from './found.ts'
import type { PushOptions } from './options.ts'

/**
 * Takes away a tag, as `docker ipfs rm` does; with a digest the manifest and its tags in this repository. False where there is none.
 * @throws NODE_*
 */
export async function removePushed(
  repository: RepositoryRef,
  reference: string,
  found: Found,
  options: PushOptions,
): Promise<boolean> {
  const { originals, signal } = options
  await originals.sync(signal)
  if (!isDigest(reference)) {
    const name = nameOf(repository, reference)
    return name !== undefined && removeName(name, options)
  }
  const original = await originals.manifest(reference, signal)
  const manifest = original ?? (await found.manifest(reference, signal))
  if (manifest === undefined) return false
  const names = await namesOf(repository, reference, manifest.root, options)
  for (const name of names) await removeName(name, options)
  if (original === undefined) return names.length > 0
  await originals.removeManifest(reference, readPushed(original.bytes, original.mediaType).subject, signal)
  return true
}

async function removeName(name: string, options: PushOptions): Promise<boolean> {
  const { catalogue, originals, signal } = options
  if ((await catalogue.findName(name, signal)) !== undefined) {
    // Its name in `Originals` goes with it.
    await remove(name, { ...options, uncounted: true })
    return true
  }
  if ((await originals.named(name, signal)) === undefined) return false
  await originals.removeName(name, signal)
  return true
}

/** Full names in a repository that lead to a manifest, or to the image with this root. */
async function namesOf(
  repository: RepositoryRef,
  digest: string,
  root: string | undefined,
  { catalogue, originals, signal }: PushOptions,
): Promise<string[]> {
  const here = repositoryNameOf(repository)
  if (here === undefined) return []
  const names = new Set<string>()
  for (const name of await originals.names(here, signal)) {
    const [original, root] = await Promise.all([originals.named(name, signal), catalogue.findName(name, signal)])
    // Else it stands for something else by now.
    if (original?.digest === digest && original.root === root?.toString()) names.add(name)
  }
  if (root !== undefined) {
    for (const image of (await findNames(catalogue, signal)).images) {
      if (repositoryOf(image.name) === here && image.root.toString() === root) names.add(image.name)
    }
  }
  return [...names]
}
