import type { LogOptions } from '../background/log-file.ts'
import type { Access } from '../store/kubo/access.ts'
import type { Bytes } from '../streams.ts'
import type { NodeOptions } from './settings.ts'

/** One way of running a node of our own: in a container, or as a background process. */
export interface Host {
  readonly kind: 'container' | 'binary'
  /** For messages, e.g. "container docker-ipfs-node". */
  readonly name: string
  /** What there is; undefined where there is nothing yet, or nothing any more. Starts nothing. */
  state(signal: AbortSignal): Promise<HostState | undefined>
  /**
   * The secret that lets us in to its API at an address; empty where there is none. Undefined where another user of this machine
   * listens there, who is to get nothing from us.
   */
  access(api: string, signal: AbortSignal): Promise<Access | undefined>
  /**
   * Makes the node where there is none, starts it, and waits until it answers. Whoever comes second joins the first. Options
   * that are given replace those it had; a node that runs is started again for them.
   * @throws NODE_UNREACHABLE, ENGINE_UNREACHABLE, ENGINE_FAILED, FILE_FAILED
   */
  start(options: NodeOptions, signal: AbortSignal, say: Say): Promise<HostState>
  /** Ends it, and waits until it has ended. */
  stop(signal: AbortSignal): Promise<void>
  logs(options: LogOptions, signal: AbortSignal): Bytes
  /** Ends and removes it. The repository with the images stays, unless `volumes`. */
  remove(volumes: boolean, signal: AbortSignal): Promise<void>
}

/** Whom a node's API lets in: who has its secret, every user of the machine, or, where the secret is lost, nobody. */
export type Openness = 'owner' | 'everybody' | 'nobody'

/** What is said before a node of an earlier docker-ipfs is closed. */
export const CLOSING =
  'The API of the IPFS node of docker-ipfs was open to every user of this machine; now it is closed'

export interface HostState {
  readonly isRunning: boolean
  /** It was started, and does not answer yet. */
  readonly isStarting?: true
  /** Of one that runs. */
  readonly openTo?: Openness
  /** Base URL of its RPC API, e.g. `http://127.0.0.1:5301`. */
  readonly api: string
  readonly gateway: string
  /** What runs it, e.g. "ipfs/kubo:v0.43.0, Up 3 minutes (healthy)". */
  readonly details: string
  /** Where the images are: the name of a volume, or a folder. */
  readonly repository: string
}

/** One line for people about something that takes a while. */
export type Say = (text: string) => void
