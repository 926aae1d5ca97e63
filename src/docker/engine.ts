import { DockerIpfsError } from '../errors.ts'
import type { Bytes } from '../streams.ts'
import { engineError, isAvailable, parseJson, parseObject, readWhole, strings, textOf } from './answers.ts'
import { type Answer, readAnswer, request } from './api.ts'
import { type Child, type Docker, outputOf, settle } from './command.ts'
import { type PluginInfo, readPlugin } from './plugins.ts'

/** What the use cases need of a Docker engine. */
export interface Engine {
  /** @throws ENGINE_UNREACHABLE, ENGINE_FAILED */
  info(signal: AbortSignal): Promise<EngineInfo>
  /** A plugin as docker knows it; undefined when it knows none of this name. Needs no engine. */
  plugin(name: string, signal: AbortSignal): Promise<PluginInfo | undefined>
  /** Looks an image up by name, ID or short ID; undefined when there is none. */
  inspect(image: string, signal: AbortSignal): Promise<ImageInfo | undefined>
  /** The images that have a name, once for each, and a few words about them. */
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
  /** The archive of `docker save`. The stream fails with what docker said when docker fails. */
  save(image: string, signal: AbortSignal): Bytes
  /** Sends an archive to `docker load` and gives what docker printed. */
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
  /** Short ID and size, for people. */
  readonly text: string
}

/** The engine behind the `docker` command; contexts, TLS and ssh are docker's business. */
export function createEngine(docker: Docker): Engine {
  return new DockerEngine(docker)
}

/** Images that one `docker image inspect` is asked about: far below the limit of a command line. */
const IDS_A_CALL = 200

/** The first API that tells which of its blobs an image lacks. */
const WITH_MANIFESTS = '/v1.48'

class DockerEngine implements Engine {
  readonly #docker: Docker

  constructor(docker: Docker) {
    this.#docker = docker
  }

  async info(signal: AbortSignal): Promise<EngineInfo> {
    const text = await this.#docker.run(['info', '--format', '{{json .}}'], signal)
    const info = parseObject(text)
    const errors = info['ServerErrors']
    if (Array.isArray(errors) && errors.length > 0) throw engineError(String(errors[0]), undefined)
    const version = info['ServerVersion']
    if (typeof version !== 'string') throw engineError('docker info gave no version', text)
    const containerdStore = JSON.stringify(info['DriverStatus'] ?? []).includes('io.containerd.snapshotter.v1')
    const [os, architecture] = [String(info['OSType'] ?? ''), String(info['Architecture'] ?? '')]
    return { version, containerdStore, os, architecture }
  }

  async plugin(name: string, signal: AbortSignal): Promise<PluginInfo | undefined> {
    return readPlugin(await this.#docker.run(['info', '--format', '{{json .ClientInfo}}'], signal), name)
  }

  async inspect(image: string, signal: AbortSignal): Promise<ImageInfo | undefined> {
    let text: string
    try {
      text = await this.#docker.run(['image', 'inspect', '--format', '{{json .}}', '--', image], signal)
    } catch (error) {
      if (error instanceof DockerIpfsError && error.code === 'IMAGE_NOT_FOUND') return undefined
      throw error
    }
    const value = parseObject(text)
    const rootFs = value['RootFS'] as { Layers?: unknown } | undefined
    return { id: String(value['Id']), layers: strings(rootFs?.Layers), names: strings(value['RepoTags']) }
  }

  async imageNames(signal: AbortSignal): Promise<EngineName[]> {
    const format = '{{.Repository}}:{{.Tag}}\t{{.ID}}, {{.Size}}'
    const lines = (await this.#docker.run(['image', 'ls', '--format', format], signal)).split('\n')
    return lines.flatMap((line) => {
      const [name = '', text = ''] = line.split('\t')
      return name === '' || name.includes('<none>') ? [] : [{ name, text }]
    })
  }

  async imageIds(signal: AbortSignal): Promise<string[]> {
    const lines = (await this.#docker.run(['image', 'ls', '--quiet', '--no-trunc'], signal)).split('\n')
    return [...new Set(lines)].filter((id) => id !== '')
  }

  async layersOf(ids: readonly string[], signal: AbortSignal): Promise<string[][]> {
    const lists: string[][] = []
    for (let at = 0; at < ids.length; at += IDS_A_CALL) {
      const args = ['image', 'inspect', '--format', '{{json .RootFS.Layers}}', ...ids.slice(at, at + IDS_A_CALL)]
      // Of images that have gone since, docker complains, and still tells of the others.
      const text = await this.#docker.run(args, signal, { mayMiss: true })
      const lines = text.split('\n').filter((line) => line !== '')
      lists.push(...lines.map((line) => strings(parseJson(line))))
    }
    return lists
  }

  async isWhole(imageId: string, signal: AbortSignal): Promise<boolean | undefined> {
    const answer = await this.#get(`${WITH_MANIFESTS}/images/${imageId}/json?manifests=1`, signal)
    return answer?.status === 200 ? isAvailable(parseObject(answer.body)) : undefined
  }

  async wholeImages(signal: AbortSignal): Promise<ReadonlySet<string> | undefined> {
    const filters = encodeURIComponent('{"dangling":["true"]}')
    const answer = await this.#get(`${WITH_MANIFESTS}/images/json?manifests=1&filters=${filters}`, signal)
    return answer?.status === 200 ? readWhole(answer.body) : undefined
  }

  /** Asks the engine's API. Undefined where docker cannot connect to it so. */
  async #get(path: string, signal: AbortSignal): Promise<Answer | undefined> {
    const child = this.#docker.start(['system', 'dial-stdio'], { stdin: 'pipe', keepStdout: false }, signal)
    const ended = settle(child, signal)
    const stdin = child.stdin as NodeJS.WritableStream
    stdin.on('error', () => undefined)
    try {
      // Left open: its end would end the connection before the answer.
      stdin.write(request(path))
      return await readAnswer(child.stdout as AsyncIterable<Uint8Array>)
    } catch (error) {
      const failure = (await ended) ?? error
      if (failure instanceof DockerIpfsError && failure.code === 'ENGINE_FAILED') return undefined
      throw failure
    } finally {
      stdin.end()
      child.kill()
      await ended
    }
  }

  async *save(image: string, signal: AbortSignal): Bytes {
    const child = this.#docker.start(['image', 'save', image], { stdin: 'ignore', keepStdout: false }, signal)
    yield* outputOf(child, child.stdout as Bytes, signal)
  }

  async load(archive: Bytes, signal: AbortSignal): Promise<string> {
    const stop = new AbortController()
    const child = this.#docker.start(
      ['image', 'load'],
      { stdin: 'pipe', keepStdout: true, killSignal: 'SIGKILL' },
      AbortSignal.any([signal, stop.signal]),
    )
    const ended = settle(child, signal)
    let sendFailure: unknown
    try {
      await feed(child, archive, ended)
    } catch (error) {
      // Killed with the archive cut inside a file: the engine then takes nothing of it.
      sendFailure = error
      stop.abort(error)
    }
    const failure = await ended
    if (sendFailure !== undefined) throw sendFailure
    if (failure) throw failure
    return textOf((await child).stdout)
  }

  async tag(image: string, name: string, signal: AbortSignal): Promise<void> {
    await this.#docker.run(['image', 'tag', '--', image, name], signal)
  }

  async remove(images: readonly string[], signal: AbortSignal, options?: { readonly force: boolean }): Promise<void> {
    await this.#docker.run(['image', 'rm', ...(options?.force ? ['--force'] : []), '--', ...images], signal)
  }
}

/** Writes the archive to the child as fast as it takes it; stops when the child has ended. */
async function feed(child: Child, archive: Bytes, ended: Promise<unknown>): Promise<void> {
  const stdin = child.stdin as NodeJS.WritableStream
  let over = false
  const end = ended.then(() => {
    over = true
  })
  // The reason is in what docker said, not in the broken pipe.
  stdin.on('error', () => undefined)
  for await (const bytes of archive) {
    if (over) return
    if (!stdin.write(bytes)) await Promise.race([new Promise((resolve) => stdin.once('drain', resolve)), end])
  }
  stdin.end()
}
