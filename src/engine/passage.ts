import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Registry } from '../distribution/registry.ts'
import { serve } from '../distribution/server.ts'
import type { Engine } from './engine.ts'

/*
 * A passage: a registry of our own on loopback for as long as one image goes through it, into the engine or out of it. Registries move what
 * is missing, where archives move everything. The image has a name there that nobody can guess, which is the right to use it too.
 */

const REPOSITORY = 'docker-ipfs-passage-'
const NAME = /^127\.0\.0\.1:(\d+)\/docker-ipfs-passage-[0-9a-f]{32}:latest$/

/** Time to take the name away when all is over, in milliseconds: the signal may be spent by then. */
const CLEANUP_MS = 10_000

/** What an engine is at when a pull is cancelled, such as giving the name, it ends first: it is looked at once more, after so many milliseconds. */
const LOOK_AGAIN_MS = 300

/** Whether an image got this name for a passage: whoever is killed leaves it behind. */
export function isPassageName(name: string): boolean {
  return NAME.test(name)
}

export interface PassageOptions {
  readonly engine: Pick<Engine, 'remove'>
  readonly signal: AbortSignal
}

/**
 * Serves a registry while `use` runs. Afterwards the engine has no image of that name.
 * @param registryOf the registry of the one repository with this path
 * @param use is given the name of the image there; `signal` is aborted when the registry is no more
 */
export async function withPassage<T>(
  registryOf: (path: string) => Registry,
  use: (name: string, signal: AbortSignal) => Promise<T>,
  { engine, signal }: PassageOptions,
): Promise<T> {
  const over = new AbortController()
  const limited = AbortSignal.any([signal, over.signal])
  const path = `${REPOSITORY}${randomBytes(16).toString('hex')}`
  const server = await serve(registryOf(path), {
    port: 0,
    signal: limited,
    resumesUploads: false,
  })
  const name = `127.0.0.1:${server.port}/${path}:latest`
  try {
    return await use(name, limited)
  } finally {
    over.abort(signal.aborted ? signal.reason : new Error('the passage is over'))
    await server.close()
    // It may have none, and nothing that goes wrong here matters: prune takes what is left.
    await removeName(name, engine)
    if (signal.aborted) {
      await sleep(LOOK_AGAIN_MS)
      await removeName(name, engine)
    }
  }
}

async function removeName(name: string, engine: PassageOptions['engine']): Promise<void> {
  await engine.remove([name], AbortSignal.timeout(CLEANUP_MS)).catch(() => undefined)
}

/** Takes away those of an engine's names that passages left. Nothing that goes wrong here matters. */
export async function removeLeftNames(names: readonly string[], engine: PassageOptions['engine']): Promise<void> {
  for (const name of names) if (await isLeftName(name)) await removeName(name, engine)
}

/** Whether this is the name of a passage that is no more: nobody listens there. */
export async function isLeftName(name: string): Promise<boolean> {
  const port = NAME.exec(name)?.[1]
  if (port === undefined) return false
  const socket = connect(Number(port), '127.0.0.1')
  const { promise, resolve } = Promise.withResolvers<boolean>()
  socket.once('connect', () => resolve(false))
  socket.once('error', () => resolve(true))
  return promise.finally(() => socket.destroy())
}
