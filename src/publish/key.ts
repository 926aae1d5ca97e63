import { DockerIpfsError } from '../errors.ts'
import type { Key } from '../store/naming.ts'
import type { PublishOptions } from './options.ts'

/** Not `self`: what the user published under that, a web site say, would be gone. */
const OUR_KEY = 'docker-ipfs'

/**
 * The key to publish under. Ours is made when it is not there.
 * @throws USAGE when the node has none of this name or ID, NODE_*
 */
export async function findKey({ node, naming, signal, key }: PublishOptions): Promise<Key> {
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
