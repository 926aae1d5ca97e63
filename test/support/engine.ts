import { expect } from 'bun:test'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { archive20, archiveOci, digest, type TestImage } from './images.ts'
import type { Api } from './kubo-node.ts'
import type { Finished, Place, Running, StartOptions } from './place.ts'
import { fail, RUN, run, script } from './scripts.ts'

/** The engines to test on. Names of scripts/engines.tsv. */
export const ENGINES = (process.env['E2E_ENGINES'] ?? 'docker20 docker26-ctr docker28 docker28-ctr')
  .split(/\s+/)
  .filter(Boolean)

/** 20.10 reads neither zstd layers nor OCI layouts. */
export const ENGINES_WITH_ZSTD = ENGINES.filter((name) => !isOld(name))

/** Those that need not be sent the layers that they have. */
export const ENGINES_LEAVING_OUT = ENGINES.filter((name) => !name.endsWith('-ctr') || majorOf(name) >= 28)

function majorOf(engine: string): number {
  return Number(/\d+/.exec(engine)?.[0])
}

export function isOld(engine: string): boolean {
  return majorOf(engine) < 23
}

/** An engine, or a relay in front of one. */
export class Engine {
  readonly #place: Place
  readonly name: string
  readonly host: string

  constructor(place: Place, name: string, host: string) {
    this.#place = place
    this.name = name
    this.host = host
  }

  get isOld(): boolean {
    return isOld(this.name)
  }

  get isContainerd(): boolean {
    return this.name.endsWith('-ctr')
  }

  get socket(): string {
    return this.host.slice('unix://'.length)
  }

  /** The same engine at another address. */
  behind(relay: { readonly host: string }): Engine {
    return new Engine(this.#place, this.name, relay.host)
  }

  /** Runs docker on this engine; gives its stdout without the last newline. */
  async docker(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.#place.run('docker', ['-H', this.host, ...args])
    if (exitCode !== 0) throw new Error(`docker ${args.join(' ')}: exit code ${exitCode}\n${stdout}${stderr}`)
    return stdout.trimEnd()
  }

  /** Runs `docker ipfs` on this engine and a node. */
  ipfs(node: Api, ...args: string[]): Promise<Finished> {
    return this.startIpfs(node, args).finished
  }

  startIpfs(node: Api, args: readonly string[], options: StartOptions = {}): Running {
    const env = { DOCKER_IPFS_API: node.api, ...options.env }
    return this.#place.start('docker', ['-H', this.host, 'ipfs', ...args], { ...options, env })
  }

  /** Runs a command where the ports are that the containers of an engine called …-net publish. */
  inside(command: readonly string[], options: StartOptions = {}): Running {
    const network = `--net=/proc/${this.pid}/ns/net`
    return this.#place.start('nsenter', [network, '--', ...command], options)
  }

  /** Saves an image, with all the work, which must end without an error; gives its root CID. */
  async save(node: Api, image: string): Promise<string> {
    const run = await this.ipfs(node, 'save', '-q', '--no-cache', image)
    expect(run).toMatchObject({ exitCode: 0, stderr: '' })
    expect(run.stdout).toMatch(/^bafybei[a-z2-7]{52}\n$/)
    return run.stdout.trimEnd()
  }

  /** Gives the engine an image, as `docker load` of an archive in the engine's own form, and returns its ID here. */
  async give(image: TestImage, packing: 'plain' | 'gzip' = 'plain'): Promise<string> {
    const archive = this.isOld ? archive20(image) : archiveOci(image, packing)
    const file = join(this.#place.folder, `${crypto.randomUUID()}.tar`)
    await Bun.write(file, archive)
    const said = await this.docker('image', 'load', '-i', file)
    await Bun.file(file).delete()
    return /^Loaded image ID: (sha256:[0-9a-f]{64})$/m.exec(said)?.[1] ?? fail(`docker load said ${said}`)
  }

  /** Every image and name, sorted; those without a name as well. */
  async images(): Promise<string[]> {
    const format = '{{.ID}} {{.Repository}}:{{.Tag}}'
    const text = await this.docker('image', 'ls', '--all', '--no-trunc', '--format', format)
    return text.split('\n').filter(Boolean).sort()
  }

  async clear(): Promise<void> {
    const ids = new Set((await this.images()).map((line) => line.split(' ')[0] as string))
    if (ids.size > 0) await this.docker('image', 'rm', '--force', ...ids)
  }

  /** What an image is made of, read back from the engine: the digest of its config, and its diffIDs. */
  async contents(image: string): Promise<{ readonly config: string; readonly diffIds: readonly string[] }> {
    const folder = join(this.#place.folder, crypto.randomUUID())
    mkdirSync(folder)
    await this.docker('image', 'save', '-o', `${folder}/image.tar`, image)
    run('tar', ['-xf', `${folder}/image.tar`, '-C', folder])
    const [entry] = JSON.parse(readFileSync(`${folder}/manifest.json`, 'utf8')) as [
      { Config: string; Layers: string[] | null },
    ]
    const unpacked = (path: string) => {
      const bytes = readFileSync(`${folder}/${path}`)
      if (bytes[0] === 0x1f && bytes[1] === 0x8b) return gunzipSync(bytes)
      return bytes[0] === 0x28 && bytes[1] === 0xb5 ? zstdDecompressSync(bytes) : bytes
    }
    const contents = {
      config: digest(readFileSync(`${folder}/${entry.Config}`)),
      // null: of an image without layers.
      diffIds: (entry.Layers ?? []).map((path) => digest(unpacked(path))),
    }
    run('rm', ['-rf', folder])
    return contents
  }

  /** What is in the image that the engine has, with a name or without. */
  async onlyContents() {
    const images = await this.images()
    expect(images).toHaveLength(1)
    return this.contents(images[0]?.split(' ')[0] ?? '')
  }

  /** Takes a blob out of a containerd store, whatever image needs it. */
  async loseBlob(blob: string): Promise<void> {
    const ctr = join((await script('engine', 'fetch', this.name)).trim(), 'bin/ctr')
    const socket = join(RUN, 'engines', this.name, 'containerd.sock')
    run(ctr, ['--address', socket, '--namespace', 'moby', 'content', 'rm', blob])
  }

  /** Ends the engine as a crash would. `restart` brings it back. */
  kill(): void {
    process.kill(this.pid, 'SIGKILL')
  }

  /** Of its dockerd. */
  get pid(): number {
    return Number(readFileSync(join(RUN, 'engines', this.name, 'pid'), 'utf8'))
  }

  async restart(): Promise<void> {
    await script('engine', 'stop', this.name)
    await script('engine', 'start', this.name)
  }
}
