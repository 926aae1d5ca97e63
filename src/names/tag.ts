import { fullName } from '../docker/reference.ts'
import { DockerIpfsError } from '../errors.ts'
import type { OnNode } from './list.ts'
import { resolve } from './resolve.ts'

/**
 * Gives an image of the catalogue one more name; another image loses it.
 * @throws REFERENCE_INVALID, BAD_FLAG (no name), IMAGE_NOT_FOUND when the node does not keep the image, NODE_*
 */
export async function tag(reference: string, name: string, parts: OnNode): Promise<void> {
  const { node, signal } = parts
  const full = fullName(name)
  if (full === undefined) {
    throw new DockerIpfsError('REFERENCE_INVALID', `"${name}" is no image name`, {
      hint: 'Give a name such as app:1.2.',
    })
  }
  const { root } = await resolve(reference, parts)
  const record = await node.catalogue.record(root, signal)
  if (record === undefined || !(await node.isPinned(root, signal))) {
    throw new DockerIpfsError('IMAGE_NOT_FOUND', `the node at ${node.address} does not keep ${reference}`, {
      hint: `"docker ipfs load ${root}" loads it, and keeps it there.`,
    })
  }
  const entry = { root, record: { ...record, names: [full], imageIds: [] }, layers: new Map<string, never>() }
  await node.catalogue.add(entry, signal)
}
