import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { DockerIpfsError, messageOf } from '../errors.ts'
import { guard, isLoopback } from './guard.ts'
import type { ServeOptions } from './options.ts'
import type { Registry } from './registry.ts'
import { Requests } from './requests.ts'
import { Uploads } from './upload/uploads.ts'
import { WrongBlobs } from './wrong-blobs.ts'

/** A registry that answers. */
export interface RegistryServer {
  readonly port: number
  /** Ends it: whoever is being answered is cut off, and uploads are forgotten. */
  close(): Promise<void>
}

/** Heads of requests that are longer are refused, in bytes. */
const LONGEST_HEAD = 32 * 1024
/** A connection that asks nothing is closed after so many milliseconds. Longer than clients keep theirs, where they say it (Go: 90 s). */
const KEEP_ALIVE = 120_000
/** The head of a request has to be there after so many milliseconds. */
const HEAD_WITHIN = 30_000
/** An upload that nobody goes on with is forgotten after so many milliseconds. */
const FORGET_UPLOAD = 600_000
const MOST_UPLOADS = 200
/** Whoever was sent wrong bytes is refused for so many milliseconds. Docker comes again after 5 s and after 10 more. */
const REFUSE_WRONG = 30_000
/** A client that takes or gives no byte for so many milliseconds is cut off. */
const CLIENT_STANDS = 1_800_000

/**
 * Serves a registry over HTTP until `signal` is aborted or the server closed.
 * @throws USAGE where it would be open to others without a token and TLS; FILE_FAILED where the port cannot be had, or the certificate cannot be used
 */
export async function serve(registry: Registry, options: ServeOptions): Promise<RegistryServer> {
  const { host = '127.0.0.1', signal, tls, token } = options
  signal.throwIfAborted()
  if (!isLoopback(host) && (token === undefined || tls === undefined)) {
    throw new DockerIpfsError('USAGE', `Listening on ${host} needs a token and TLS`, {
      hint: 'Whoever reaches it could read and write all images.',
    })
  }
  const { writer } = registry
  const uploads =
    writer &&
    new Uploads(writer, {
      forgetAfter: options.forgetUploadAfter ?? FORGET_UPLOAD,
      most: MOST_UPLOADS,
      resumes: options.resumesUploads ?? true,
    })
  const wrong = new WrongBlobs(options.refuseWrongFor ?? REFUSE_WRONG)
  const requests = new Requests({ registry, uploads, wrong }, options, options.cutClientAfter ?? CLIENT_STANDS)
  const sockets = new Set<Duplex>()
  const server = listener(tls, sockets, (request, response) => requests.take(request, response))
  const end = async () => {
    const stopped = new Promise<void>((resolve) => server.close(() => resolve()))
    requests.close()
    // Bun tells of a connection, and closes it, only once it has sent something: see `take` for the others.
    for (const socket of sockets) socket.destroy()
    await Promise.all([stopped, uploads?.close()])
  }
  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= end()
    return closed
  }
  try {
    const port = await listen(server, host, options.port ?? 0)
    requests.guardWith((headers, path) => guard(headers, path, { host, port, isTls: tls !== undefined, token }))
    signal.throwIfAborted()
    signal.addEventListener('abort', () => void close(), { once: true })
    return { port, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Survives what clients do to their connections. An 'error' that nobody takes may end the process, and does so in node. */
function listener(
  tls: ServeOptions['tls'],
  sockets: Set<Duplex>,
  take: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const options = {
    maxHeaderSize: LONGEST_HEAD,
    keepAliveTimeout: KEEP_ALIVE,
    headersTimeout: HEAD_WITHIN,
    // A request may take as long as it wants: uploads do.
    requestTimeout: 0,
  }
  const server = tls === undefined ? createServer(options, take) : createTlsServer({ ...options, ...tls }, take)
  server.timeout = 0
  for (const event of ['connection', 'secureConnection']) {
    server.on(event, (socket: Duplex) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      socket.on('error', () => undefined)
    })
  }
  server.on('clientError', refuseGarbage)
  server.on('tlsClientError', (_: Error, socket: Duplex) => socket.destroy())
  return server
}

/** What is no HTTP, such as the ClientHello of an engine that tries TLS first, or a head that is too long. */
function refuseGarbage(error: NodeJS.ErrnoException, socket: Duplex): void {
  socket.on('error', () => undefined)
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request'
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

function notListening(at: string, cause: unknown): DockerIpfsError {
  const words = messageOf(cause)
  if (words.includes('PEM') || words.includes('X509') || words.includes('OPENSSL')) {
    return new DockerIpfsError('FILE_FAILED', `The certificate and its key cannot be used: ${words}`, { cause })
  }
  return new DockerIpfsError('FILE_FAILED', `Cannot listen on ${at}: ${words}`, { cause })
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  try {
    // It throws for some certificates, and tells of others.
    server.listen(port, host, resolve)
    await promise
  } catch (error) {
    throw notListening(`${host}:${port}`, error)
  }
  server.off('error', reject)
  server.on('error', () => undefined)
  return (server.address() as AddressInfo).port
}
