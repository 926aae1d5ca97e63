import { connect } from 'node:net'
import { DockerIpfsError } from '../errors.ts'

/**
 * One way out of everything: Ctrl-C, SIGTERM, and docker closing the plugin socket abort one signal, whose reason is a
 * `DockerIpfsError` CANCELLED with the number of the signal.
 */
export interface Cancellation {
  readonly signal: AbortSignal
  /** Takes the handlers off and lets go of the socket. */
  readonly close: () => void
}

const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const

/** docker never ends a plugin that ignores Ctrl-C on a terminal, so the third one must do it here. */
const HARD_EXIT_AFTER = 3

/**
 * In `docker ipfs save x | cat` one Ctrl-C arrives twice, as SIGINT and as the end of the socket, within a few
 * milliseconds in either order. Within this time, in milliseconds, the two are one.
 */
const SAME_MOMENT_MS = 500

/** Counts requests to stop. Apart from the wiring, so that it can be tested with a clock of its own. */
export class CancelCounter {
  readonly #controller = new AbortController()
  readonly #hardExit: (code: number) => void
  readonly #now: () => number
  #count = 0
  #endOfSocket: number | undefined

  constructor(hardExit: (code: number) => void, now: () => number = Date.now) {
    this.#hardExit = hardExit
    this.#now = now
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** A signal of the system, by number. */
  onSignal(number: number): void {
    const sameAsSocket = this.#endOfSocket !== undefined && this.#now() - this.#endOfSocket < SAME_MOMENT_MS
    this.#endOfSocket = undefined
    if (sameAsSocket) return
    this.#count++
    this.#abort(number)
    if (this.#count >= HARD_EXIT_AFTER) this.#hardExit(128 + number)
  }

  /** docker has closed the socket. It happens once, and it adds nothing to a signal that was here first. */
  onEndOfSocket(): void {
    if (this.#count > 0) return
    this.#count++
    this.#endOfSocket = this.#now()
    this.#abort(SIGNALS.SIGINT)
  }

  #abort(number: number): void {
    // A second abort would change nothing: the first reason stays.
    this.#controller.abort(new DockerIpfsError('CANCELLED', 'cancelled', { signal: number }))
  }
}

/** Starts listening. `socket`: value of DOCKER_CLI_PLUGIN_SOCKET. Nothing of it keeps the process alive. */
export function watchForCancel(socket: string | undefined): Cancellation {
  const counter = new CancelCounter((code) => process.exit(code))
  const handlers = Object.entries(SIGNALS).map(([name, number]) => [name, () => counter.onSignal(number)] as const)
  for (const [name, handler] of handlers) process.on(name, handler)
  const stopSocket = socket === undefined || socket === '' ? () => {} : watchSocket(socket, counter)
  return {
    signal: counter.signal,
    close() {
      for (const [name, handler] of handlers) process.off(name, handler)
      stopSocket()
    },
  }
}

function watchSocket(address: string, counter: CancelCounter): () => void {
  // Linux: docker writes an abstract address with '@', the system wants a zero byte there. Elsewhere it is a file.
  const client = connect({ path: address.replace(/^@/, '\0') })
  client.unref()
  client.resume()
  // An old docker has no such socket, and one that is gone already cannot be heard: then only the signals are left.
  client.on('error', () => {})
  client.on('end', () => counter.onEndOfSocket())
  return () => {
    client.removeAllListeners('end')
    client.destroy()
  }
}
