import { type CID, parseCid } from '../../../src/dag/cid.ts'
import { dagSizeOf } from '../../../src/dag/sizes.ts'
import { fullName, repositoryOf } from '../../../src/image/name.ts'
import { nameOf, type PublishedCatalogue, type PublishedImage } from '../../../src/publication/document.ts'
import { writePublication } from '../../../src/publication/write.ts'
import type { MemoryNode } from './node.ts'

const signal = new AbortController().signal

/** What a publication says of an image of this name. */
export function publishedImage(name: string, cid: CID): PublishedImage {
  const full = fullName(name) ?? name
  const repository = repositoryOf(full)
  return {
    name: repository,
    tag: full.slice(repository.length + 1),
    cid: cid.toString(),
    configDigest: `sha256:${'0'.repeat(64)}`,
    size: 1,
    platforms: ['linux/amd64'],
  }
}

/** Writes a publication of these images, by name, to a node, as somebody does who publishes; gives its root. */
export async function writeCatalogue(
  node: MemoryNode,
  images: Readonly<Record<string, CID>>,
  more: Partial<PublishedCatalogue> = {},
): Promise<CID> {
  const catalogue: PublishedCatalogue = {
    schemaVersion: 1,
    publishedAt: '2026-11-24T20:00:00.000Z',
    sequence: 1,
    previous: null,
    images: Object.entries(images).map(([name, cid]) => publishedImage(name, cid)),
    ...more,
  }
  const links = catalogue.images.map(async (image) => {
    const cid = parseCid(image.cid)
    const dagSize = (await dagSizeOf(cid, { blocks: node.blocks, signal })) ?? 0
    return [nameOf(image), { cid, fileSize: 0, dagSize }] as const
  })
  return (await writePublication(catalogue, new Map(await Promise.all(links)), node.blocks)).cid
}
