import { blockKey, fileFrom } from '../../../dag/blocks.ts'
import { carBlocks } from '../../../dag/car.ts'
import { type CID, parseCid } from '../../../dag/cid.ts'
import { DockerIpfsError, messageOf } from '../../../errors.ts'
import { collect } from '../../../streams.ts'
import { inTime, within } from '../../../time.ts'
import { ifAllowed } from '../../allowed.ts'
import type { FolderEntry, PathStat } from '../../folder.ts'
import type { KuboClient } from '../client.ts'
import { shown } from '../connection.ts'
import type { Endpoint } from '../endpoint.ts'
import { bytesOf, call, nodeError } from '../rpc.ts'
import { isAnswer } from './answers.ts'
import { once, Turns } from './turns.ts'

/** Where all of ours stands in the node's MFS, visible in its web UI and safe from its GC. Paths are below it. */
const TOP = '/docker-ipfs'

/** A line of the answer of `ls`. */
interface RpcLink {
  readonly Name: string
  readonly Hash: string
}

/** Time for one look, in milliseconds: they are answered from the repository alone. */
const LOOK_MS = 10_000

/**
 * Time for writing out what was changed, in milliseconds. Kubo waits for ever where its database refuses to write, as it does from the
 * moment that the disk was full until it is started again (measured with 0.43).
 */
const FLUSH_MS = 30_000
/** So long nothing is asked of a node that did not flush, in milliseconds: one that serves for days finds it mended. */
const STUCK_MS = 60_000

/** Kubo refuses to write when 256 writes of all its callers have not been flushed. */
const MAX_UNFLUSHED = 64

/** Bytes that are read in one request. */
const MAX_AT_ONCE = 64 * 1024 * 1024

/** Options of Kubo that kubo-rpc-client passes on without naming them. */
const OFFLINE = { offline: true }
const FORCE = { force: true }

/** Between the folder that `cp` makes and what it puts there another one's change came (Kubo 0.43): then nothing was put. */
const INTERRUPTED = /cannot put node in path .*: file does not exist/
const MAX_TRIES = 3

/** Our folder in the node's MFS. People may edit it, so looking never fails: what cannot be read counts as not there. */
export class Mfs {
  readonly #client: KuboClient
  readonly #endpoint: Endpoint
  /** What was found at paths; forgotten when something is written. */
  readonly #found = new Map<string, Promise<PathStat | undefined>>()
  /** CIDs of folders, in the same way. */
  readonly #folders = new Map<string, Promise<CID | undefined>>()
  /** Whether the blocks of folders are there, by CID. */
  readonly #here = new Map<string, Promise<boolean>>()
  #unflushed = 0
  /** Whether anything was put there that is not flushed: else the folder need not be there. */
  #hasPut = false
  readonly #flushMs: number
  /** The error of a flush that took too long: another one would take as long, until the node has been started again. */
  #stuck: DockerIpfsError | undefined
  /** Changes of one process never meet: see `INTERRUPTED`. */
  readonly #turns = new Turns()

  constructor(client: KuboClient, endpoint: Endpoint, flushMs = FLUSH_MS) {
    this.#client = client
    this.#endpoint = endpoint
    this.#flushMs = flushMs
  }

  /**
   * What is at a path. Asked for it, MFS would wait for ever for a block that the node has lost, with the folder locked for
   * everybody, GC too. So it is asked for nothing but the CID of our folder; from there each step is looked up in the
   * node's own repository. (Of a path of several steps Kubo would look for the blocks between elsewhere, offline or not.)
   */
  find(path: string, signal: AbortSignal): Promise<PathStat | undefined> {
    return once(this.#found, path, () => this.#look(path, signal))
  }

  async #look(path: string, signal: AbortSignal): Promise<PathStat | undefined> {
    if (path === '') return this.#ask(signal, (limited) => this.#stat(TOP, limited))
    return this.#askAt(path, signal, (place, limited) => this.#stat(place, limited))
  }

  /**
   * Asks of what is at a path, as `/ipfs/<CID of the folder>/<name>`. Offline or not, Kubo looks elsewhere for the block of that folder where it is lost
   * (0.43): so it is asked for that at the same time, and the question is then taken back.
   */
  async #askAt<T>(
    path: string,
    signal: AbortSignal,
    ask: (place: string, limited: AbortSignal) => Promise<T>,
  ): Promise<T | undefined> {
    const at = path.lastIndexOf('/')
    const folder = await this.#folder(path.slice(0, Math.max(at, 0)), signal)
    if (folder === undefined) return undefined
    const lost = new AbortController()
    this.#isHere(folder, signal).then(
      (isHere) => isHere || lost.abort(LOST),
      () => undefined,
    )
    const place = `/ipfs/${folder}/${path.slice(at + 1)}`
    try {
      return await this.#ask(AbortSignal.any([signal, lost.signal]), (limited) => ask(place, limited))
    } catch (error) {
      if (error === LOST) return undefined
      throw error
    }
  }

  #isHere(folder: CID, signal: AbortSignal): Promise<boolean> {
    const ask = async () =>
      (await this.#ask(signal, (limited) => this.#client.blockStat(folder, limited))) !== undefined
    return once(this.#here, folder.toString(), ask)
  }

  /** The CID of what should be a folder. It is not opened, which would take some milliseconds for each thousand of names in it. */
  #folder(path: string, signal: AbortSignal): Promise<CID | undefined> {
    return once(this.#folders, path, () => this.#step(path, signal))
  }

  async #step(path: string, signal: AbortSignal): Promise<CID | undefined> {
    if (path === '') return (await this.find('', signal))?.cid
    return this.#askAt(path, signal, (place, limited) => this.#client.resolve(place, limited))
  }

  /** What is at a path of any kind, looked up in the node's own repository. */
  async #stat(place: string, signal: AbortSignal): Promise<PathStat> {
    const { cid, size, cumulativeSize } = await this.#client.files.stat(place, { signal, ...OFFLINE })
    return { cid: parseCid(cid.toString()), fileSize: size, dagSize: cumulativeSize }
  }

  /** The bytes of a file of at most `limit` bytes; undefined for a larger one. */
  async read(path: string, limit: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#askAt(path, signal, (place, limited) => collect(this.#client.cat(place, limited), limit, path))
  }

  /** What is in a folder; undefined where there is none, or where a part of it is lost. */
  async entries(path: string, signal: AbortSignal): Promise<FolderEntry[] | undefined> {
    const folder = await this.find(path, signal)
    // Only a file has a size of its own.
    if (folder === undefined || folder.fileSize > 0) return undefined
    return this.#ask(signal, async (limited) => {
      // Plain HTTP: of a folder with thousands of names, kubo-rpc-client makes much work.
      const path = `ls?arg=${folder.cid}&size=false&resolve-type=false&offline=true`
      const response = await call(this.#endpoint, { path, signal: limited })
      const { Objects: [object] = [] } = (await response.json()) as { Objects?: { Links?: RpcLink[] | null }[] }
      // What is no folder, or an empty one, has at most links without a name.
      return (object?.Links ?? [])
        .filter(({ Name }) => Name !== '')
        .map(({ Name, Hash }) => ({ name: Name, cid: parseCid(Hash) }))
    })
  }

  /**
   * The files of a folder, by name, in one request: one for each would take seconds for a thousand. What could not be had that way,
   * because a block is lost or there is too much of it, is missing.
   */
  async readAll(path: string, signal: AbortSignal): Promise<Map<string, Uint8Array>> {
    const folder = await this.find(path, signal)
    const entries = await this.entries(path, signal)
    if (folder === undefined || entries === undefined) return new Map()
    const blocks = new Map<string, Uint8Array>()
    const asked = this.#ask(signal, async (limited) => {
      const all = { path: `dag/export?arg=${folder.cid}&offline=true&progress=false`, signal: limited }
      const answer = bytesOf(await call(this.#endpoint, all), this.#endpoint, limited)
      let size = 0
      for await (const { cid, bytes } of carBlocks(answer)) {
        size += bytes.length
        if (size > MAX_AT_ONCE) return
        blocks.set(blockKey(cid), bytes)
      }
    })
    await ifAllowed(asked)
    const files = entries.map(({ name, cid }) => [name, fileFrom(cid, blocks)] as const)
    return new Map(files.filter((file): file is readonly [string, Uint8Array] => file[1] !== undefined))
  }

  /** Links a path to a CID. False where something is there already, which is left alone. */
  async link(path: string, cid: CID, signal: AbortSignal): Promise<boolean> {
    const options = { parents: true, flush: false, signal, ...OFFLINE }
    const link = async (triesLeft: number): Promise<boolean> => {
      try {
        await this.#client.files.cp(cid, `${TOP}/${path}`, options)
        return true
      } catch (error) {
        const words = messageOf(error)
        if (/already has entry/.test(words)) return false
        if (triesLeft === 0 || !INTERRUPTED.test(words)) throw error
        return link(triesLeft - 1)
      }
    }
    this.#hasPut = true
    return this.#change(signal, () => link(MAX_TRIES))
  }

  async write(path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const options = { create: true, parents: true, truncate: true, flush: false, signal }
    this.#hasPut = true
    await this.#change(signal, () => this.#client.files.write(`${TOP}/${path}`, bytes, options))
  }

  /** Takes away what is at a path, if anything. With force: else Kubo looks at it first, and waits if it is lost. */
  async remove(path: string, signal: AbortSignal): Promise<void> {
    await this.#change(signal, () => this.#client.files.rm(`${TOP}/${path}`, { recursive: true, signal, ...FORCE }))
  }

  /** The CID of the folder as it is now; undefined where there is none. */
  async top(signal: AbortSignal): Promise<CID | undefined> {
    await this.sync(signal)
    return (await this.find('', signal))?.cid
  }

  async sync(signal: AbortSignal): Promise<void> {
    if (this.#unflushed > 0) await this.#flush(signal)
    this.#forget()
  }

  async #flush(signal: AbortSignal): Promise<void> {
    if (this.#stuck !== undefined) throw this.#stuck
    try {
      const flush = (limited: AbortSignal) => this.#client.files.flush(TOP, { signal: limited })
      await within(this.#flushMs, signal, flush, (cause) => this.#notFlushed(cause))
    } catch (error) {
      const isNone = /file does not exist/.test(messageOf(error))
      if (this.#hasPut || !isNone) throw nodeError(error, this.#endpoint, signal)
    }
    this.#unflushed = 0
    this.#hasPut = false
    this.#forget()
  }

  #notFlushed(cause: unknown): DockerIpfsError {
    const node = `the IPFS node at ${shown(this.#endpoint)}`
    this.#stuck = new DockerIpfsError('NODE_FAILED', `${node} does not write its folders down`, {
      cause,
      hint: 'Its disk may be full, or have been: free space there, restart the node, and run the command again.',
    })
    setTimeout(() => (this.#stuck = undefined), STUCK_MS).unref()
    return this.#stuck
  }

  #forget(): void {
    this.#found.clear()
    this.#folders.clear()
    this.#here.clear()
  }

  #change<T>(signal: AbortSignal, change: () => Promise<T>): Promise<T> {
    return this.#turns.take(() => this.#changeNow(signal, change))
  }

  async #changeNow<T>(signal: AbortSignal, change: () => Promise<T>): Promise<T> {
    try {
      signal.throwIfAborted()
      const changed = await change().catch(async (error: unknown) => {
        if (!/unflushed MFS operations/.test(messageOf(error))) throw error
        // Others have filled it up.
        await this.#flush(signal)
        return change()
      })
      this.#unflushed += 1
      if (this.#unflushed >= MAX_UNFLUSHED) await this.#flush(signal)
      return changed
    } catch (error) {
      throw nodeError(error, this.#endpoint, signal)
    }
  }

  /**
   * Whatever the node has against a question, or no answer in time, means: not known. But for a full disk: then MFS cannot say what is
   * in it, and all would seem lost that is there again later.
   */
  async #ask<T>(signal: AbortSignal, ask: (limited: AbortSignal) => Promise<T>): Promise<T | undefined> {
    try {
      return await inTime(LOOK_MS, signal, ask)
    } catch (error) {
      if (!signal.aborted && isAnswer(error)) return undefined
      throw nodeError(error, this.#endpoint, signal)
    }
  }
}

/** Why a question is taken back: the folder that it is about is lost. */
const LOST = Symbol('lost')
