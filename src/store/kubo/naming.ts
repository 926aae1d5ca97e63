import type { CID } from '../../dag/cid.ts'
import { readIpnsName } from '../../dag/ipns.ts'
import { DockerIpfsError, hasCode, messageOf } from '../../errors.ts'
import { collect } from '../../streams.ts'
import type { Key, Naming } from '../naming.ts'
import type { Endpoint } from './endpoint.ts'
import { bytesOf, call } from './rpc.ts'

const MAX_ANSWER = 16 * 1024 * 1024

export class KuboNaming implements Naming {
  readonly #endpoint: Endpoint

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint
  }

  async resolve(name: string, signal: AbortSignal): Promise<string> {
    const { Path } = await this.#ask(
      `name/resolve?arg=${encodeURIComponent(`/ipns/${name}`)}&nocache=true`,
      signal,
    ).catch((error: unknown) => {
      if (!hasCode(error, 'NODE_FAILED')) throw error
      throw new DockerIpfsError('CONTENT_NOT_FOUND', `the name ${name} cannot be found (${error.message})`, {
        cause: error,
        hint: 'Check it, and that a node which knows it is running and reachable.',
      })
    })
    if (typeof Path === 'string' && Path.startsWith('/ipfs/')) return Path
    throw new DockerIpfsError('CONTENT_NOT_FOUND', `the name ${name} leads to no content on IPFS: ${String(Path)}`)
  }

  async publish(root: CID, { name, id }: Key, signal: AbortSignal): Promise<void> {
    const query = `arg=/ipfs/${root}&key=${encodeURIComponent(name)}&allow-offline=true&resolve=false&ipns-base=base36`
    const { Name, Value } = await this.#ask(`name/publish?${query}`, signal)
    if (Name === id && Value === `/ipfs/${root}`) return
    throw new DockerIpfsError('NODE_FAILED', `the IPFS node published ${String(Value)} as ${String(Name)}, not ${root}`)
  }

  async keys(signal: AbortSignal): Promise<Key[]> {
    const { Keys } = await this.#ask('key/list?ipns-base=base36', signal)
    return Array.isArray(Keys) ? Keys.map(readKey) : []
  }

  async makeKey(name: string, signal: AbortSignal): Promise<Key> {
    try {
      return readKey(await this.#ask(`key/gen?arg=${encodeURIComponent(name)}&type=ed25519&ipns-base=base36`, signal))
    } catch (error) {
      if (!/already exists/.test(messageOf(error))) throw error
      if ((await this.keys(signal)).some((key) => key.name === name)) throw error
      // Kubo 0.43 lists no key whose file is broken, and removes none; but it writes another one over it.
      throw new DockerIpfsError('NODE_FAILED', `the IPFS node has a key ${name} that it cannot read`, {
        cause: error,
        hint: `If it was made on a full disk: "ipfs key gen new", then "ipfs key rename --force new ${name}".`,
      })
    }
  }

  async removeKey(name: string, signal: AbortSignal): Promise<Key> {
    const query = `arg=${encodeURIComponent(name)}&ipns-base=base36`
    const { Keys } = await this.#ask(`key/rm?${query}`, signal).catch(noSuchKey)
    return readKey(Array.isArray(Keys) ? Keys[0] : undefined)
  }

  async renameKey(name: string, to: string, signal: AbortSignal): Promise<Key> {
    const query = `arg=${encodeURIComponent(name)}&arg=${encodeURIComponent(to)}&ipns-base=base36`
    const { Now, Id } = await this.#ask(`key/rename?${query}`, signal).catch(noSuchKey)
    return readKey({ Name: Now, Id })
  }

  async #ask(path: string, signal: AbortSignal): Promise<Record<string, unknown>> {
    const response = await call(this.#endpoint, { path, signal })
    const bytes = await collect(bytesOf(response, this.#endpoint, signal), MAX_ANSWER, 'the answer of the node')
    try {
      return JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, unknown>
    } catch (cause) {
      throw new DockerIpfsError('NODE_FAILED', 'the IPFS node gave an answer that cannot be read', { cause })
    }
  }
}

/** A mistake of whoever typed the name, in Kubo's words. */
function noSuchKey(error: unknown): never {
  const words = hasCode(error, 'NODE_FAILED') ? error.message : ''
  const name = /no key named (.*) was found$/.exec(words)?.[1]
  if (name !== undefined) {
    throw new DockerIpfsError('USAGE', `the node has no key ${name}`, {
      cause: error,
      hint: '"docker ipfs key ls" lists those that it has.',
    })
  }
  if (!/cannot (?:remove|rename) key with name 'self'$/.test(words)) throw error
  throw new DockerIpfsError('USAGE', 'the key self is the node itself: it stays, and keeps its name', {
    cause: error,
    hint: '"docker ipfs key ls" lists the others.',
  })
}

function readKey(value: unknown): Key {
  const { Name, Id } = (value ?? {}) as { Name?: unknown; Id?: unknown }
  const id = readIpnsName(String(Id))
  if (typeof Name === 'string' && id !== undefined) return { name: Name, id }
  throw new DockerIpfsError('NODE_FAILED', 'the IPFS node told of a key that cannot be read')
}
