/**
 * The engine and the nodes that a benchmark uses. They are its own, with a run folder beside the one of the tests, so
 * that the engine may be emptied.
 */
import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { processesWith } from './processes.ts'
import { run } from './shell.ts'

export const RUN_HOME: string = process.env['DOCKER_IPFS_BENCH_RUN'] || `/tmp/docker-ipfs-bench-${process.getuid?.()}`
const ENV = { DOCKER_IPFS_RUN: RUN_HOME }

export interface RunningEngine {
  readonly name: string
  /** unix://… */
  readonly host: string
  /** dockerd and its containerd, as they run now. */
  readonly pids: readonly number[]
  docker(...args: string[]): Promise<string>
}

export async function startEngine(name: string): Promise<RunningEngine> {
  const host = await run(['scripts/engine', 'start', name], { env: ENV })
  return {
    name,
    host,
    get pids() {
      return processesWith(join(RUN_HOME, 'engines', name, '/'))
    },
    docker: (...args) => run(['docker', '-H', host, ...args], { env: { DOCKER_BUILDKIT: '0' } }),
  }
}

export async function removeEngine(name: string): Promise<void> {
  await run(['scripts/engine', 'rm', name], { env: ENV })
}

/** Starts it anew with nothing in it: for seconds after `docker image rm` a containerd store may know the layers. */
export async function emptyEngine({ name }: RunningEngine): Promise<void> {
  await removeEngine(name)
  await startEngine(name)
}

export interface RunningNode {
  readonly name: string
  /** Multiaddr of its RPC API. */
  readonly api: string
  /** Address of its HTTP gateway, without a slash at the end. */
  readonly gateway: string
  readonly pid: number
}

/** Starts a node; a fresh one has an empty repository. */
export async function startNode(name: string, fresh: boolean): Promise<RunningNode> {
  const text = await run(['scripts/node', 'start', name, ...(fresh ? ['--fresh'] : [])], { env: ENV })
  const values = new Map(text.split('\n').map((line) => line.split('=', 2) as [string, string]))
  const [api, gateway] = [values.get('api'), values.get('gateway')]
  if (api === undefined || gateway === undefined) throw new Error(`scripts/node start printed no address:\n${text}`)
  return { name, api, gateway, pid: Number(values.get('pid')) }
}

export async function stopNode(name: string): Promise<void> {
  await run(['scripts/node', 'stop', name], { env: ENV })
}

export async function removeNode(name: string): Promise<void> {
  await run(['scripts/node', 'rm', name], { env: ENV })
}

export interface RepoSize {
  readonly bytes: number
  readonly blocks: number
}

/** What `ipfs repo stat` says. */
export async function repoSize(node: RunningNode): Promise<RepoSize> {
  const port = /\/tcp\/(\d+)$/.exec(node.api)?.[1]
  const answer = await fetch(`http://127.0.0.1:${port}/api/v0/repo/stat`, { method: 'POST' })
  if (!answer.ok) throw new Error(`repo/stat: ${answer.status} ${await answer.text()}`)
  const { RepoSize, NumObjects } = (await answer.json()) as { RepoSize: number; NumObjects: number }
  return { bytes: RepoSize, blocks: NumObjects }
}

/** A docker configuration of its own whose only plugin is a build that is there. */
export function installBuild(file: string): string {
  const config = join(RUN_HOME, 'docker-config-before')
  mkdirSync(join(config, 'cli-plugins'), { recursive: true })
  copyFileSync(file, join(config, 'cli-plugins', 'docker-ipfs'))
  return config
}

/** A docker configuration of its own whose only plugin is what the sources here build. */
export async function buildPlugin(): Promise<string> {
  const config = join(RUN_HOME, 'docker-config')
  rmSync(config, { recursive: true, force: true })
  mkdirSync(join(config, 'cli-plugins'), { recursive: true })
  await run([process.execPath, 'scripts/build.ts', `--outfile=${join(config, 'cli-plugins', 'docker-ipfs')}`])
  return config
}
