import { until } from '../background/until.ts'
import type { Docker } from '../engine/docker/command.ts'
import { messageOf } from '../errors.ts'
import { CONTAINER, IMAGE, LABEL, newerImage, VOLUME } from './container-arguments.ts'
import type { HostState } from './host.ts'
import type { NodeOptions, Ports } from './settings.ts'

type Lister = Pick<Docker, 'run'>
type Follower = Pick<Docker, 'follow'>

/** Lines that Kubo writes until all its ports are open, at most; and the first one. */
const LINES_OF_START = '100'
const BEGINS = 'Initializing daemon'
/** Time for its error to be written down, in milliseconds. */
const WORDS_MS = 1000

/** A container as `docker container ls` tells of it. */
export interface Container {
  readonly id: string
  readonly isRunning: boolean
  /** E.g. "Up 3 minutes (healthy)". */
  readonly status: string
  readonly image: string
  readonly ports: Ports
  readonly options: NodeOptions
  /** Its API wants a secret. */
  readonly isClosed: boolean
}

/** The one with our label; undefined where there is none. */
export async function findContainer(docker: Lister, signal: AbortSignal): Promise<Container | undefined> {
  const format = `{{.ID}}\t{{.State}}\t{{.Status}}\t{{.Image}}\t{{.Label "${LABEL}"}}`
  const args = ['container', 'ls', '--all', '--no-trunc', '--filter', `label=${LABEL}`, '--format', format]
  const [line = ''] = (await docker.run(args, signal)).split('\n')
  const [id = '', state, status = '', image = '', label = ''] = line.split('\t')
  if (id === '') return undefined
  return { id, isRunning: state === 'running', status, image, ...readLabel(label) }
}

/** Whether there is a container of the name, with our label or without. */
export async function isSeen(docker: Lister, signal: AbortSignal): Promise<'seen' | undefined> {
  const names = await docker.run(['container', 'ls', '--all', '--format', '{{.Names}}'], signal)
  return names.split('\n').includes(CONTAINER) ? 'seen' : undefined
}

/** Whether it was started within the last minute or two. */
export function isYoung({ isRunning, status }: Container): boolean {
  return isRunning && /^Up (Less than a second|\d+ seconds?|About a minute)\b/.test(status)
}

export function stateOf({ isRunning, status, image, ports, isClosed }: Container): HostState {
  return {
    isRunning,
    ...(isRunning ? { openTo: isClosed ? 'owner' : 'everybody' } : {}),
    api: `http://127.0.0.1:${ports.api}`,
    gateway: `http://127.0.0.1:${ports.gateway}`,
    details: `${image}, ${status}`,
    repository: `volume ${VOLUME}`,
  }
}

/** Why a container is made anew; undefined where it stays. */
export function replacedFor({ image, isClosed }: Container, isGiven: boolean): string | undefined {
  if (newerImage(image)) return `${image} → ${IMAGE}`
  if (isGiven) return 'new options'
  return image === IMAGE && !isClosed ? 'its API was open to every user of this machine' : undefined
}

function readLabel(text: string): Pick<Container, 'ports' | 'options' | 'isClosed'> {
  try {
    const { api, gateway, isClosed = false, ...options } = JSON.parse(text)
    return { ports: { api: Number(api), gateway: Number(gateway) }, options, isClosed: Boolean(isClosed) }
  } catch {
    return { ports: { api: 0, gateway: 0 }, options: {}, isClosed: false }
  }
}

/** Whoever came first has removed it. */
export async function unlessMissing(docker: Lister, args: readonly string[], signal: AbortSignal): Promise<void> {
  await docker.run(args, signal).catch((error: unknown) => {
    if (!/no such|not found|already in progress/i.test(messageOf(error))) throw error
  })
}

/** Whether Kubo has said that all its ports are open, since it was started last. */
export async function isReady(docker: Follower, signal: AbortSignal): Promise<boolean> {
  const said = await saidAtStart(docker, signal)
  return /^Daemon is ready/m.test(said.slice(said.lastIndexOf(BEGINS)))
}

/** What it ended with. When it is seen to have ended, the engine may not have written down all that it said. */
export async function lastWords(docker: Follower, signal: AbortSignal): Promise<string> {
  let lines: string[] = []
  const error = await until(
    async () => {
      // It began anew since, perhaps.
      const said = (await saidAtStart(docker, signal)).split(BEGINS).slice(-2).join('')
      lines = said.trim().split('\n')
      return lines.findLast((line) => line.startsWith('Error: '))
    },
    WORDS_MS,
    signal,
  )
  return error ?? (lines.at(-1) || 'it ended at once')
}

async function saidAtStart(docker: Follower, signal: AbortSignal): Promise<string> {
  const parts: Uint8Array[] = []
  try {
    const log = docker.follow(['container', 'logs', '--tail', LINES_OF_START, CONTAINER], signal)
    for await (const part of log) parts.push(part)
  } catch {
    signal.throwIfAborted()
  }
  return Buffer.concat(parts).toString('utf8')
}
