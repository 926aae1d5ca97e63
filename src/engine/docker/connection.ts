import { connect as connectSocket, type Socket } from 'node:net'
import type { Bytes } from '../../streams.ts'
import { type Child, type Docker, settle } from './command.ts'
import { findPlace, type PlaceSearch, placeOf } from './socket.ts'
import { engineError } from './words.ts'

/** A connection to the engine's API. */
export interface Connection {
  /** Its end would end the connection, before the answer: the engine takes it as hanging up. */
  readonly toEngine: NodeJS.WritableStream
  /** Fails when there is no engine, or docker fails. Throws the signal's reason. */
  readonly fromEngine: Bytes
  /** Breaks off what has not ended. */
  close(): Promise<void>
}

export interface Connect {
  (signal: AbortSignal): Promise<Connection>
  /** Whether it leads over a Unix socket of this machine. */
  isLocal(signal: AbortSignal): Promise<boolean>
}

/**
 * Connects to the engine that docker would talk to. A Unix socket is opened here: docker in between takes some 0.4 s of CPU for
 * 400 MB, and 50 ms to start. All else (TLS, ssh) is docker's business: `docker system dial-stdio`, one for each connection.
 */
export function createConnect(docker: Docker, options: PlaceSearch): Connect {
  let socket: Promise<string | undefined> | undefined
  const find = (signal: AbortSignal) => {
    socket ??= findSocket(docker, options, signal)
    return socket
  }
  const connect = async (signal: AbortSignal) => {
    const path = await find(signal)
    return path === undefined ? overDocker(docker, signal) : overSocket(path, signal)
  }
  const isLocal = async (signal: AbortSignal) => (await find(signal)) !== undefined
  return Object.assign(connect, { isLocal })
}

async function findSocket(docker: Docker, options: PlaceSearch, signal: AbortSignal): Promise<string | undefined> {
  let place = await findPlace(options)
  if (place.kind === 'context')
    place = placeOf(await docker.run(['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}'], signal))
  return place.kind === 'socket' ? place.path : undefined
}

function overSocket(path: string, signal: AbortSignal): Connection {
  const socket = connectSocket({ path })
  const stop = () => socket.destroy()
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  // Told to whoever reads; what is written cannot tell why it failed.
  socket.on('error', () => undefined)
  return {
    toEngine: socket,
    fromEngine: readSocket(socket, path, signal),
    async close() {
      signal.removeEventListener('abort', stop)
      socket.destroy()
    },
  }
}

async function* readSocket(socket: Socket, path: string, signal: AbortSignal): Bytes {
  try {
    for await (const bytes of socket) yield bytes
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw engineError(socketWords(path, (error as { code?: unknown }).code), error)
  }
  // To be destroyed looks like a good end.
  if (signal.aborted) throw signal.reason
}

/** In docker's words, where it has some. */
function socketWords(path: string, code: unknown): string {
  if (code === 'EACCES' || code === 'EPERM')
    return `permission denied while trying to connect to the Docker daemon socket at unix://${path}`
  if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTSOCK')
    return `Cannot connect to the Docker daemon at unix://${path}. Is the docker daemon running?`
  return `the connection broke (${String(code)})`
}

function overDocker(docker: Docker, signal: AbortSignal): Connection {
  const child = docker.dial(signal)
  const ended = settle(child, signal)
  // The reason is in what docker said, not in the broken pipe.
  child.stdin.on('error', () => undefined)
  return {
    toEngine: child.stdin,
    fromEngine: readChild(child, ended),
    async close() {
      child.kill()
      await ended
    },
  }
}

async function* readChild(child: Child, ended: Promise<unknown>): Bytes {
  try {
    for await (const bytes of child.stdout as Bytes) yield bytes
  } catch (error) {
    throw (await ended) ?? error
  }
  // docker ends when the engine has hung up.
  const failure = await ended
  if (failure !== undefined) throw failure
}
