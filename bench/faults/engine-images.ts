import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import type { Engine } from '../../test/support/engine.ts'
import { archive20, archiveOci, contentsOf, digest } from '../../test/support/images.ts'
import { type ImageName, imageNamed, NAMES } from './images.ts'

export interface EngineImage {
  readonly id: string
  readonly names: readonly string[]
}

/** The images of an engine, over its socket: quicker than docker commands. */
export class EngineImages {
  readonly #engine: Engine
  readonly #folder: string

  /** `folder`: for archives. */
  constructor(engine: Engine, folder: string) {
    this.#engine = engine
    this.#folder = folder
  }

  async list(): Promise<EngineImage[]> {
    const images = JSON.parse(await this.#ask('GET', 'images/json?all=1')) as {
      Id: string
      RepoTags: string[] | null
    }[]
    return images.map(({ Id, RepoTags }) => ({
      id: Id,
      names: (RepoTags ?? []).filter((name) => name !== '<none>:<none>'),
    }))
  }

  /** Makes sure that it is there. */
  async give(name: ImageName): Promise<void> {
    if ((await this.list()).some(({ names }) => names.includes(name))) return
    const file = join(this.#folder, `${name}.tar`)
    if (!existsSync(file)) {
      const image = imageNamed(name)
      writeFileSync(file, this.#engine.isOld ? archive20(image) : archiveOci(image, 'plain'))
    }
    const said = await this.#ask('POST', 'images/load?quiet=1', readFileSync(file))
    const id = /sha256:[0-9a-f]{64}/.exec(said)?.[0]
    if (id === undefined) throw new Error(`the engine does not load ${name}: ${said}`)
    const [repository, tag] = name.split(':')
    await this.#ask('POST', `images/${id}/tag?repo=${repository}&tag=${tag}`)
  }

  async remove(image: string): Promise<void> {
    await this.#ask('DELETE', `images/${image}?force=1`).catch((error: unknown) => {
      if (!/no such image/i.test(`${error}`)) throw error
    })
  }

  async clear(): Promise<void> {
    for (const { id } of await this.list()) await this.remove(id)
  }

  /** What is wrong with an image; undefined where it is what it must be. */
  async faultOf(name: ImageName): Promise<string | undefined> {
    try {
      const archive = Buffer.from(await (await this.#call('GET', `images/${name}/get`)).arrayBuffer())
      const [is, must] = [contentsIn(filesOf(archive)), contentsOf(imageNamed(name))]
      return Bun.deepEquals(is, must) ? undefined : `${name} has ${JSON.stringify(is)} and not ${JSON.stringify(must)}`
    } catch (error) {
      return `${name} cannot be saved: ${error instanceof Error ? error.message : error}`
    }
  }

  async #ask(method: string, path: string, body?: Uint8Array<ArrayBuffer>): Promise<string> {
    return (await this.#call(method, path, body)).text()
  }

  async #call(method: string, path: string, body?: Uint8Array<ArrayBuffer>): Promise<Response> {
    const answer = await fetch(`http://docker/${path}`, {
      method,
      unix: this.#engine.socket,
      ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/x-tar' } }),
      signal: AbortSignal.timeout(60_000),
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`)
    return answer
  }
}

/** The files of an archive of `docker save`, by path; links by what they lead to. */
function filesOf(archive: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>()
  const links = new Map<string, string>()
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0; ) {
    const field = (from: number, to: number) => archive.toString('latin1', at + from, at + to).split('\0')[0] ?? ''
    const size = Number.parseInt(field(124, 136), 8)
    if (field(156, 157) === '2') links.set(field(0, 100), posix.join(posix.dirname(field(0, 100)), field(157, 257)))
    else files.set(field(0, 100), archive.subarray(at + 512, at + 512 + size))
    at += 512 + Math.ceil(size / 512) * 512
  }
  for (const [path, to] of links) {
    const file = files.get(to)
    if (file !== undefined) files.set(path, file)
  }
  return files
}

/** The digest of the config and the diffIDs. */
function contentsIn(files: ReadonlyMap<string, Buffer>) {
  const file = (path: string) => {
    const found = files.get(path)
    if (found === undefined) throw new Error(`docker save leaves out ${path}`)
    return found
  }
  const [entry] = JSON.parse(file('manifest.json').toString()) as [{ Config: string; Layers: string[] }]
  return { config: digest(file(entry.Config)), diffIds: entry.Layers.map((path) => digest(unpacked(file(path)))) }
}

function unpacked(bytes: Buffer): Uint8Array {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return gunzipSync(bytes)
  return bytes[0] === 0x28 && bytes[1] === 0xb5 ? zstdDecompressSync(bytes) : bytes
}

export function isOurs(name: string): name is ImageName {
  return (NAMES as readonly string[]).includes(name)
}
