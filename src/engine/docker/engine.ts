/*
 * Docker's own engine, over its HTTP API.
 *
 * `api.ts` asks and sends. `http.ts` and `answers.ts` read what comes back. `connection.ts` connects, at the socket that
 * `socket.ts` finds or through docker (`command.ts`). `packing.ts` looks into the folder in which the engine packs. The room
 * starts docker, connects to the engine and reads docker's config.json. It writes no file.
 *
 * For a new version of the engine: `abilities.ts` is the one place that knows versions. To ask something new: a method in
 * the port and here, and answers of old and new engines in test/unit/engine/docker/engine.test.ts. `..` in the path of a
 * request would be another request, so every image goes through `pathOf`.
 */

import { messageOf } from '../../errors.ts'
import { isDigest } from '../../image/documents.ts'
import { fullName, repositoryOf } from '../../image/name.ts'
import { saysLacking } from '../../image/saved/lacking.ts'
import { isObject, parsedObject } from '../../json.ts'
import type { Bytes } from '../../streams.ts'
import type { Engine, EngineImage, EngineInfo, ImageInfo, PackedImage, Unpacked } from '../engine.ts'
import { abilitiesOf, numberByApi, PODMAN } from './abilities.ts'
import {
  hearLines,
  isAvailable,
  parseObject,
  parseObjects,
  readLoaded,
  readUnpacked,
  readWhole,
  strings,
} from './answers.ts'
import { type Api, createApi, type Method } from './api.ts'
import type { Docker } from './command.ts'
import { type Connect, createConnect } from './connection.ts'
import { freeBytesOf } from './disk.ts'
import { type Answer, errorOf } from './http.ts'
import { beginPacking } from './packing.ts'
import type { PlaceSearch } from './socket.ts'
import { engineError } from './words.ts'

/** The engine that the `docker` command talks to. */
export function createEngine(docker: Docker, options: PlaceSearch): Engine {
  const connect = createConnect(docker, options)
  return new DockerEngine(createApi(connect), connect.isLocal)
}

/** Images that are asked about over one connection. */
const IDS_A_CONNECTION = 200

/** How often something is asked for whose answer is that something changed meanwhile (moby `daemon/containerd`, errInconsistentData). */
const MAX_ROUNDS = 4
const hasChanged = ({ status, body }: Answer) => status === 500 && body.includes('data changed during operation')
const isUnreadable = ({ status, body }: Answer) => status === 500 && body.includes('could not deserialize image config')

/** How Go writes a time that is none. */
const NEVER = '0001-01-01'

const DANGLING = `filters=${encodeURIComponent('{"dangling":["true"]}')}`

/** The first API that tells which of its blobs an image lacks. */
const WITH_MANIFESTS = '/v1.48'

class DockerEngine implements Engine {
  readonly #api: Api
  readonly #isLocal: Connect['isLocal']

  constructor(api: Api, isLocal: Connect['isLocal']) {
    this.#api = api
    this.#isLocal = isLocal
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
    return {
      version,
      containerdStore,
      os: String(info['OSType'] ?? ''),
      architecture: String(info['Architecture'] ?? ''),
      ...(isPodman(info)
        ? { product: 'Podman', can: PODMAN }
        : { can: abilitiesOf(await this.#numberOf(version, signal), containerdStore) }),
    }
  }

  async freeBytes(signal: AbortSignal): Promise<number | undefined> {
    return freeBytesOf(await this.#info(signal))
  }

  /** A version to judge by: where it is no number, as of a build of one's own, that of the first engine with its API. */
  async #numberOf(version: string, signal: AbortSignal): Promise<string> {
    if (/^[1-9]/.test(version)) return version
    if (/^v[1-9]/.test(version)) return version.slice(1)
    const { status, body } = await this.#ask('GET', '/version', signal)
    return status === 200 ? numberByApi(String(parsedObject(body)?.['ApiVersion'])) : version
  }

  async inspect(image: string, signal: AbortSignal): Promise<ImageInfo | undefined> {
    const answer = await this.#ask('GET', `/images/${pathOf(image)}/json`, signal)
    if (answer.status === 404) return undefined
    // Engines before 28 show nothing of it then, later ones all but what is in the config.
    if (isUnreadable(answer) && isDigest(image)) return { id: image, layers: [], names: [] }
    const value = parseObject(bodyOf(answer, lackingOf))
    const { Author: author, Size: bytes } = value
    const namedAt = isObject(value['Metadata']) ? value['Metadata']['LastTagTime'] : undefined
    return {
      id: String(value['Id']),
      layers: layersIn(value),
      names: strings(value['RepoTags']),
      ...(typeof author === 'string' && author !== '' ? { author } : {}),
      ...(typeof namedAt === 'string' && !namedAt.startsWith(NEVER) ? { namedAt } : {}),
      ...(typeof bytes === 'number' ? { bytes } : {}),
    }
  }

  async images(signal: AbortSignal): Promise<EngineImage[]> {
    const images = new Map<string, EngineImage>()
    for (const image of parseObjects(bodyOf(await this.#ask('GET', '/images/json', signal)))) {
      const id = String(image['Id'])
      const names = strings(image['RepoTags']).filter((name) => !name.includes('<none>'))
      images.set(id, { id, names: [...(images.get(id)?.names ?? []), ...names], bytes: Number(image['Size']) })
    }
    return [...images.values()]
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
    const answer = await this.#ask('GET', `${WITH_MANIFESTS}/images/json?manifests=1&${DANGLING}`, signal)
    return answer.status === 200 ? readWhole(answer.body) : undefined
  }

  async unusedImages(signal: AbortSignal): Promise<string[]> {
    const paths = [`/images/json?${DANGLING}`, '/containers/json?all=1']
    const ask = async (path: string) => parseObjects(bodyOf(await this.#ask('GET', path, signal)))
    const [images = [], containers = []] = await Promise.all(paths.map(ask))
    const used = new Set(containers.map((container) => String(container['ImageID'])))
    return images.map((image) => String(image['Id'])).filter((id) => !used.has(id))
  }

  async *save(image: string, signal: AbortSignal): Bytes {
    try {
      yield* this.#api.download(`/images/get?names=${encodeURIComponent(image)}`, signal)
    } catch (error) {
      throw lackingOf(error)
    }
  }

  async pack(imageId: string, signal: AbortSignal): Promise<PackedImage> {
    const folder = async () => packingFolder(await this.#info(signal))
    return beginPacking({ folder, save: (limited) => this.save(imageId, limited), signal })
  }

  async #info(signal: AbortSignal): Promise<Record<string, unknown>> {
    return parseObject(bodyOf(await this.#ask('GET', '/info', signal)))
  }

  async load(archive: Bytes, signal: AbortSignal, unpacked: Unpacked = () => {}): Promise<string> {
    const hear = hearLines((line) => readUnpacked(line, unpacked))
    return readLoaded(bodyOf(await this.#api.upload('/images/load?quiet=0', archive, signal, hear)))
  }

  mayReach(signal: AbortSignal): Promise<boolean> {
    return this.#isLocal(signal)
  }

  async push(name: string, signal: AbortSignal): Promise<void> {
    const { repository, tag } = partsOf(name)
    const path = `/images/${pathOf(repository)}/push?tag=${encodeURIComponent(tag)}`
    readLoaded(bodyOf(await this.#api.ask('POST', path, signal, { headers: [NO_LOGIN] })))
  }

  async pull(name: string, signal: AbortSignal, unpacked: Unpacked = () => {}): Promise<void> {
    const { repository, tag } = partsOf(name)
    const path = `/images/create?fromImage=${encodeURIComponent(repository)}&tag=${encodeURIComponent(tag)}`
    const hear = hearLines((line) => readUnpacked(line, unpacked))
    readLoaded(bodyOf(await this.#api.ask('POST', path, signal, { headers: [NO_LOGIN], hear })))
  }

  async tag(image: string, name: string, signal: AbortSignal): Promise<void> {
    const { repository, tag } = partsOf(name)
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

/** It says what it is built with, which Docker is not (podman `pkg/api/handlers/types.go`, `Info`). */
function isPodman(info: Record<string, unknown>): boolean {
  return typeof info['BuildahVersion'] === 'string'
}

/** Where a classic store packs. */
function packingFolder(info: Record<string, unknown>): string | undefined {
  const root = String(info['DockerRootDir'] ?? '')
  return root.startsWith('/') && !hasContainerdStore(info) ? `${root}/tmp` : undefined
}

function hasContainerdStore(info: Record<string, unknown>): boolean {
  return JSON.stringify(info['DriverStatus'] ?? []).includes('io.containerd.snapshotter.v1')
}

/** @throws what the engine says where it did not do what it was asked for */
function bodyOf(answer: Answer, inOtherWords = (error: unknown) => error): string {
  if (answer.status >= 200 && answer.status < 300) return answer.body
  throw inOtherWords(errorOf(answer))
}

/** A store that lacks a blob of an image that it has says so in containerd's words. */
function lackingOf(error: unknown): unknown {
  return saysLacking(messageOf(error), error) ?? error
}

/** Who asks a registry of ours: nobody. Without the header engines refuse a push; `{}` in base64. */
const NO_LOGIN = 'X-Registry-Auth: e30='

/** @throws ENGINE_FAILED, in docker's words */
function partsOf(name: string): { readonly repository: string; readonly tag: string } {
  const full = fullName(name)
  if (full === undefined) throw engineError('invalid reference format', undefined)
  const repository = repositoryOf(full)
  return { repository, tag: full.slice(repository.length + 1) }
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
