import { DockerIpfsError } from '../errors.ts'
import { fullName } from '../image/name.ts'
import type { Pins } from '../store/pins.ts'
import { type ResolveOptions, resolve } from './resolve.ts'

interface TagOptions extends ResolveOptions {
  readonly pins: Pick<Pins, 'isPinned'>
}

/**
 * Gives an image of the catalogue one more name; another image loses it.
 * @throws REFERENCE_INVALID, BAD_FLAG (no name), IMAGE_NOT_FOUND when the node does not keep the image, NODE_*
 */
export async function tag(reference: string, name: string, options: TagOptions): Promise<void> {
  const { node, catalogue, pins, signal } = options
  const full = fullName(name)
  if (full === undefined) {
    throw new DockerIpfsError('REFERENCE_INVALID', `"${name}" is no image name`, {
      hint: 'Give a name such as app:1.2.',
    })
  }
  const { root } = await resolve(reference, options)
  const record = await catalogue.record(root, signal)
  if (record === undefined || !(await pins.isPinned(root, signal))) {
    throw new DockerIpfsError('IMAGE_NOT_FOUND', `the node at ${node.address} does not keep ${reference}`, {
      hint: `"docker ipfs load ${root}" loads it, and keeps it there.`,
    })
  }
  const entry = { root, record: { ...record, names: [full], imageIds: [] }, layers: new Map<string, never>() }
  await catalogue.add(entry, signal)
}
