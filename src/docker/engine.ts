import type { Bytes } from '../streams.ts'
import { engineError, isAvailable, parseObject, parseObjects, readLoaded, readWhole, strings } from './answers.ts'
import { type Api, createApi, type Method } from './api.ts'
import type { Docker } from './command.ts'
import { createConnect } from './connection.ts'
import { type Answer, errorOf } from './http.ts'
import { type PluginInfo, readPlugin } from './plugins.ts'
import { fullName, repositoryOf } from './reference.ts'
import type { Finding } from './socket.ts'

/** What the use cases need of a Docker engine. */
export interface Engine {
  /** @throws ENGINE_UNREACHABLE, ENGINE_FAILED */
  info(signal: AbortSignal): Promise<EngineInfo>
  /** A plugin as docker knows it; undefined when it knows none of this name. Needs no engine. */
  plugin(name: string, signal: AbortSignal): Promise<PluginInfo | undefined>
  /** Looks an image up by name, ID or short ID; undefined when there is none. */
  inspect(image: string, signal: AbortSignal): Promise<ImageInfo | undefined>
  /** The images that have a name, once for each. */
  imageNames(signal: AbortSignal): Promise<EngineName[]>
  /** The IDs of all images that the engine has, each once. */
  imageIds(signal: AbortSignal): Promise<string[]>
  /** The layers (diffIDs, bottom first) of each of these images; one that goes meanwhile may be left out. */
  layersOf(ids: readonly string[], signal: AbortSignal): Promise<string[][]>
  /**
   * Whether a containerd store has everything that an image is made of. Undefined where the engine cannot tell (API before
   * 1.48), or has no such image.
   */
  isWhole(imageId: string, signal: AbortSignal): Promise<boolean | undefined>
  /** Of the images without a name, the IDs of those of which that is true. Undefined where the engine cannot tell. */
  wholeImages(signal: AbortSignal): Promise<ReadonlySet<string> | undefined>
  /** The archive of `docker save`. It may end too early, without an error: the engine is not heard of in mid-stream. */
  save(image: string, signal: AbortSignal): Bytes
  /**
   * The folder in which the engine packs an image before it sends it: that of a classic store. Where the engine is on another machine
   * there is none of this path here, or not its own.
   */
  packingFolder(signal: AbortSignal): Promise<string | undefined>
  /** Sends an archive, as `docker load` does, and gives what that would print. */
  load(archive: Bytes, signal: AbortSignal): Promise<string>
  tag(image: string, name: string, signal: AbortSignal): Promise<void>
  /** Removes images, by ID; with `force` whatever names they have. */
  remove(images: readonly string[], signal: AbortSignal, options?: { readonly force: boolean }): Promise<void>
}

export interface EngineInfo {
  /** Engine version, e.g. "26.1.5". */
  readonly version: string
  /** True for the containerd image store, false for a graph driver. */
  readonly containerdStore: boolean
  /** "linux" or "windows"; empty when the engine does not say. */
  readonly os: string
  /** As the engine's machine calls it, e.g. "x86_64"; empty when the engine does not say. */
  readonly architecture: string
}

export interface ImageInfo {
  /** `sha256:<hex>`: the config digest on a classic store, the digest of the manifest or index on a containerd store. */
  readonly id: string
  /** diffIDs of the layers, bottom first. */
  readonly layers: readonly string[]
  readonly names: readonly string[]
}

export interface EngineName {
  /** As docker shows it: `nginx:1.27`. */
  readonly name: string
  readonly id: string
  /** As `docker image ls` counts it. */
  readonly bytes: number
}

/** The engine that the `docker` command talks to. */
export function createEngine(docker: Docker, options: Finding): Engine {
  return new DockerEngine(docker, createApi(createConnect(docker, options)))
}

/** Images that are asked about over one connection. */
const IDS_A_CONNECTION = 200

/** How often something is asked for whose answer is that something changed meanwhile (moby `daemon/containerd`, errInconsistentData). */
const MAX_ROUNDS = 4
const hasChanged = ({ status, body }: Answer) => status === 500 && body.includes('data changed during operation')

/** The first API that tells which of its blobs an image lacks. */
const WITH_MANIFESTS = '/v1.48'

class DockerEngine implements Engine {
  readonly #docker: Docker
  readonly #api: Api

  constructor(docker: Docker, api: Api) {
    this.#docker = docker
    this.#api = api
  }

  /** A containerd store that is changed while it looks says so, and did nothing. */
  async #ask(method: Method, path: string, signal: AbortSignal): Promise<Answer> {
    let answer = await this.#api.ask(method, path, signal)
    for (let round = 1; round < MAX_ROUNDS && hasChanged(answer); round += 1)
      answer = await this.#api.ask(method, path, signal)
    return answer
  }

  async info(signal: AbortSignal): Promise<EngineInfo> {
    const info = await this.#info(signal)
    const version = info['ServerVersion']
    if (typeof version !== 'string') throw engineError('the engine gave no version', undefined)
    const containerdStore = hasContainerdStore(info)
    const [os, architecture] = [String(info['OSType'] ?? ''), String(info['Architecture'] ?? '')]
    return { version, containerdStore, os, architecture }
  }

  async packingFolder(signal: AbortSignal): Promise<string | undefined> {
    const info = await this.#info(signal)
    const root = String(info['DockerRootDir'] ?? '')
    return root.startsWith('/') && !hasContainerdStore(info) ? `${root}/tmp` : undefined
  }

  async #info(signal: AbortSignal): Promise<Record<string, unknown>> {
    return parseObject(bodyOf(await this.#ask('GET', '/info', signal)))
  }

  async plugin(name: string, signal: AbortSignal): Promise<PluginInfo | undefined> {
    return readPlugin(await this.#docker.run(['info', '--format', '{{json .ClientInfo}}'], signal), name)
  }

  async inspect(image: string, signal: AbortSignal): Promise<ImageInfo | undefined> {
    const answer = await this.#ask('GET', `/images/${pathOf(image)}/json`, signal)
    if (answer.status === 404) return undefined
    const value = parseObject(bodyOf(answer))
    return { id: String(value['Id']), layers: layersIn(value), names: strings(value['RepoTags']) }
  }

  async imageNames(signal: AbortSignal): Promise<EngineName[]> {
    const images = await this.#images(signal)
    return images.flatMap((image) => {
      const names = strings(image['RepoTags']).filter((name) => !name.includes('<none>'))
      return names.map((name) => ({ name, id: String(image['Id']), bytes: Number(image['Size']) }))
    })
  }

  async imageIds(signal: AbortSignal): Promise<string[]> {
    return [...new Set((await this.#images(signal)).map((image) => String(image['Id'])))]
  }

  async #images(signal: AbortSignal): Promise<Record<string, unknown>[]> {
    return parseObjects(bodyOf(await this.#ask('GET', '/images/json', signal)))
  }

  async layersOf(ids: readonly string[], signal: AbortSignal): Promise<string[][]> {
    const lists: string[][] = []
    for (let at = 0; at < ids.length; at += IDS_A_CONNECTION) {
      const paths = ids.slice(at, at + IDS_A_CONNECTION).map((id) => `/images/${pathOf(id)}/json`)
      for (const [each, first] of (await this.#api.askAll(paths, signal)).entries()) {
        const answer = hasChanged(first) ? await this.#ask('GET', paths[each] as string, signal) : first
        if (answer.status !== 404) lists.push(layersIn(parseObject(bodyOf(answer))))
      }
    }
    return lists
  }

  async isWhole(imageId: string, signal: AbortSignal): Promise<boolean | undefined> {
    const answer = await this.#ask('GET', `${WITH_MANIFESTS}/images/${pathOf(imageId)}/json?manifests=1`, signal)
    return answer.status === 200 ? isAvailable(parseObject(answer.body)) : undefined
  }

  async wholeImages(signal: AbortSignal): Promise<ReadonlySet<string> | undefined> {
    const filters = encodeURIComponent('{"dangling":["true"]}')
    const answer = await this.#ask('GET', `${WITH_MANIFESTS}/images/json?manifests=1&filters=${filters}`, signal)
    return answer.status === 200 ? readWhole(answer.body) : undefined
  }

  save(image: string, signal: AbortSignal): Bytes {
    return this.#api.download(`/images/get?names=${encodeURIComponent(image)}`, signal)
  }

  async load(archive: Bytes, signal: AbortSignal): Promise<string> {
    return readLoaded(bodyOf(await this.#api.upload('/images/load?quiet=1', archive, signal)))
  }

  async tag(image: string, name: string, signal: AbortSignal): Promise<void> {
    const full = fullName(name)
    if (full === undefined) throw engineError('invalid reference format', undefined)
    const repository = repositoryOf(full)
    const tag = full.slice(repository.length + 1)
    const query = `repo=${encodeURIComponent(repository)}&tag=${encodeURIComponent(tag)}`
    bodyOf(await this.#ask('POST', `/images/${pathOf(image)}/tag?${query}`, signal))
  }

  async remove(images: readonly string[], signal: AbortSignal, options?: { readonly force: boolean }): Promise<void> {
    const answers: Answer[] = []
    for (const image of images) {
      const query = options?.force ? '?force=1' : ''
      answers.push(await this.#ask('DELETE', `/images/${pathOf(image)}${query}`, signal))
    }
    for (const answer of answers) bodyOf(answer)
  }
}

function hasContainerdStore(info: Record<string, unknown>): boolean {
  return JSON.stringify(info['DriverStatus'] ?? []).includes('io.containerd.snapshotter.v1')
}

/** @throws what the engine says where it did not do what it was asked for */
function bodyOf(answer: Answer): string {
  if (answer.status >= 200 && answer.status < 300) return answer.body
  throw errorOf(answer)
}

/**
 * An image in the path of a request. The engine cleans paths, so that `..` would be another one.
 * @throws ENGINE_FAILED, in docker's words
 */
function pathOf(image: string): string {
  const parts = image.split('/')
  if (parts.some((part) => part === '' || part === '.' || part === '..'))
    throw engineError('invalid reference format', undefined)
  return parts.map(encodeURIComponent).join('/')
}

function layersIn(image: Record<string, unknown>): string[] {
  return strings((image['RootFS'] as { Layers?: unknown } | undefined)?.Layers)
}
