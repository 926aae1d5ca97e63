import { readFile, stat } from 'node:fs/promises'
import { getuid, pid } from 'node:process'
import { type OwnLog, openOwnLog } from '../background/own-log.ts'
import type { ListOptions } from '../catalogue/list.ts'
import type { RequestEntry, ServeOptions } from '../distribution/options.ts'
import type { Registry } from '../distribution/registry.ts'
import { serve } from '../distribution/server.ts'
import { onlyUsers } from '../distribution/users.ts'
import { DockerIpfsError, hasCode, messageOf } from '../errors.ts'
import type { Report } from '../events.ts'
import { LOOKS } from './answers.ts'
import { addressOf, DEFAULT_HOST, DEFAULT_PORT, type DoorOptions, withoutSecrets } from './options.ts'
import { pageOf } from './page.ts'
import { portTaken } from './port-taken.ts'
import { forget, logFile, readRunning, writeDown } from './state-file.ts'

/** What a front door is given. */
export interface DoorParts extends ListOptions {
  readonly registry: Registry
  readonly options: DoorOptions
  /** Where it is written down. */
  readonly folder: string
  /** A line of the log for each request, in words or as JSON. */
  readonly lineOf: (entry: RequestEntry) => string
  /** Takes the lines where the standard output is not the door's own log. */
  readonly write: (line: string) => void
  readonly report: Report
  readonly signal: AbortSignal
}

/** SIGTERM, by which services are ended. */
const TERM = 15

/**
 * Serves until the signal is aborted. SIGTERM is a good end, of a service; Ctrl-C is the user's.
 * @throws REGISTRY_FAILED where the port is taken, or another door of the user runs in the background; FILE_FAILED, USAGE; CANCELLED
 */
export async function runDoor(parts: DoorParts): Promise<void> {
  const { options, folder, report, signal } = parts
  const log = openOwnLog(logFile(folder))
  let { port = DEFAULT_PORT } = options
  try {
    const server = await listen(parts, await serveOptions(parts, log, () => port))
    port = server.port
    try {
      const where = { host: options.host ?? DEFAULT_HOST, port }
      await writeDoorDown(parts, where, log !== undefined)
      report({ type: 'step', text: `The registry listens at ${addressOf(where)}` })
      await aborted(signal)
    } finally {
      await server.close()
      await forget(folder, pid)
    }
  } finally {
    log?.close()
  }
  if (!hasCode(signal.reason, 'CANCELLED') || signal.reason.signal !== TERM) throw signal.reason
}

async function serveOptions(parts: DoorParts, log: OwnLog | undefined, portNow: () => number): Promise<ServeOptions> {
  const { options, lineOf, write, report, signal } = parts
  const { host = DEFAULT_HOST, port = DEFAULT_PORT, isOpen, tokenFile, tlsCert, tlsKey } = options
  const own = getuid?.()
  const token = tokenFile === undefined ? undefined : await readToken(tokenFile, report)
  return {
    host,
    port,
    signal,
    onRequest(entry) {
      if (entry.agent === LOOKS && entry.status === 200) return
      if (log === undefined) write(lineOf(entry))
      else log.write(lineOf(entry))
    },
    page: (path, asked) => pageOf(path, addressOf({ host, port: portNow() }), { ...parts, signal: asked }),
    ...(token === undefined ? {} : { token }),
    ...(tlsCert === undefined || tlsKey === undefined
      ? {}
      : { tls: { cert: await readText(tlsCert), key: await readText(tlsKey) } }),
    // Whoever has the token may ask, whoever that is.
    ...(isOpen || token !== undefined ? {} : { mayAsk: onlyUsers([0, ...(own === undefined ? [] : [own])], false) }),
  }
}

/** @throws REGISTRY_FAILED, and what `serve` throws */
async function listen({ registry, folder }: DoorParts, options: ServeOptions) {
  try {
    return await serve(registry, options)
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as { code?: unknown }
    if (code !== 'EADDRINUSE') throw error
    const own = await readRunning(folder)
    if (own !== undefined && own.port === options.port) {
      throw new DockerIpfsError('REGISTRY_FAILED', `a registry of docker-ipfs runs already at ${addressOf(own)}`, {
        hint: 'End it with "docker ipfs registry stop", or choose another port with --port.',
      })
    }
    throw await portTaken(options.host ?? DEFAULT_HOST, options.port ?? DEFAULT_PORT, error)
  }
}

/** One in the background that nobody could find again must not stay. */
async function writeDoorDown(
  { options, folder }: DoorParts,
  where: { readonly host: string; readonly port: number },
  isBackground: boolean,
): Promise<void> {
  const record = {
    ...where,
    pid,
    isTls: options.tlsCert !== undefined,
    startedAt: new Date().toISOString(),
    options: withoutSecrets(options),
  }
  if ((await writeDown(folder, record)) || !isBackground) return
  const other = await readRunning(folder)
  const why = other === undefined ? `${folder} cannot be written` : `one runs already at ${addressOf(other)}`
  throw new DockerIpfsError('REGISTRY_FAILED', `cannot run a registry in the background: ${why}`)
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** @throws FILE_FAILED */
async function readToken(path: string, report: Report): Promise<string> {
  const token = (await readText(path)).trim()
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new DockerIpfsError('FILE_FAILED', `${path} has no token: it must be one word`, {
      hint: 'Make one with: openssl rand -hex 32',
    })
  }
  if (((await stat(path)).mode & 0o044) !== 0) {
    report({ type: 'warning', text: `other users of this machine can read ${path}; chmod 600 closes it` })
  }
  return token
}

/** @throws FILE_FAILED */
async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new DockerIpfsError('FILE_FAILED', `cannot read ${path}: ${messageOf(cause)}`, { cause })
  }
}
