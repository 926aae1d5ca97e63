import type { Engine, EngineInfo } from '../../engine/engine.ts'
import type { Report } from '../../events.ts'
import type { LayerReader } from '../../read/read-ahead.ts'
import { abortable, deferred } from '../../streams.ts'
import { removeAfterLoad } from './engine-image.ts'
import { loadArchive } from './load-archive.ts'
import { Silence } from './silence.ts'
import { idOf, type Step } from './steps.ts'
import { Unpacking } from './unpacking.ts'

/** For an engine that is at work on an image of lower layers, in milliseconds. */
const SETTLE_MS = 10_000

/** A wait longer than this is told, in milliseconds. */
export const UNTOLD_MS = 500

const WAITING = 'Waiting for the engine, to remove what it is at work on'

export interface SendOptions {
  readonly reader: LayerReader
  readonly signal: AbortSignal
  readonly report: Report
  /** Layers uncompressed, and no OCI layout. */
  readonly plain: boolean
}

/** What one step of a load is to know of the others. */
interface StepPlace {
  readonly beforeEnd: () => Promise<void>
  readonly isLast: boolean
  readonly silence: Silence
}

/** In milliseconds. */
export interface WaitLimits {
  /** For an engine that is at work on what nobody wants any more. */
  readonly settleMs?: number
  /** A silence of the engine that is longer is told. */
  readonly silentMs?: number
}

/** The images that a load makes of the lowest layers, one step after the other, and takes away when it is over. */
export class LowerImages {
  readonly #engine: Engine
  readonly #info: EngineInfo
  readonly #ids: string[] = []
  /** The last of them, which the engine may be at work on; it does not hear that nobody wants it any more. */
  #making: Promise<unknown> = Promise.resolve()
  readonly #giveUp = new AbortController()
  readonly #settleMs: number
  readonly #silentMs: number | undefined

  constructor(engine: Engine, info: EngineInfo, { settleMs = SETTLE_MS, silentMs }: WaitLimits = {}) {
    this.#engine = engine
    this.#info = info
    this.#settleMs = settleMs
    this.#silentMs = silentMs
  }

  /**
   * Sends the steps; gives what the engine says to the last. Each is sent while the engine is at work on the one before, all but its end:
   * only once that is there the engine may leave its layers out.
   * @throws ENGINE_*, and what reading the layers throws
   */
  async send(steps: readonly Step[], options: SendOptions): Promise<string> {
    const failed = new AbortController()
    const signal = AbortSignal.any([options.signal, failed.signal])
    const answers: Promise<string>[] = []
    const silence = this.#silenceOf(options)
    try {
      for (const [at, step] of steps.entries()) {
        const before = answers[at - 1]
        const lost = before === undefined ? [] : [failureOf(before)]
        // One is made, one waits: more would fill the engine's disk, and be a connection each.
        await Promise.race([answers[at - 2], ...lost])
        const sent = deferred<true>()
        const beforeEnd = async () => {
          sent.resolve(true)
          await before
        }
        const isLast = at === steps.length - 1
        const answer = this.#sendOne(step, { ...options, signal }, { beforeEnd, isLast, silence })
        answer.catch(() => undefined)
        answers.push(answer)
        // It may say what is wrong before it has all: then the reader is not where the next step begins.
        if ((await Promise.race([sent.promise, answer, ...lost])) !== true) break
      }
      // What it has all of it makes, though nobody waits for that any more.
      return (await Promise.race([answers.at(-1), abortOf(signal)])) ?? ''
    } catch (error) {
      failed.abort(error)
      throw error
    }
  }

  /** Makes an image that holds all layers of another, which the engine has. */
  async hold(step: Step, options: SendOptions): Promise<void> {
    const place = { beforeEnd: async () => undefined, isLast: false, silence: this.#silenceOf(options) }
    await this.#sendOne(step, options, place)
  }

  #silenceOf({ report }: SendOptions): Silence {
    return new Silence((text) => report({ type: 'step', text }), this.#silentMs)
  }

  async #sendOne(
    step: Step,
    { reader, plain, signal, report }: SendOptions,
    { beforeEnd, isLast, silence }: StepPlace,
  ): Promise<string> {
    signal.throwIfAborted()
    const open = new AbortController()
    const stop = () => open.abort(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    const end = async () => {
      await beforeEnd()
      // From here on it will be there.
      signal.throwIfAborted()
      signal.removeEventListener('abort', stop)
      silence.answering(answer).catch(() => undefined)
      late(answer, () => unpacking.tellLate(isLast))
      answer.then((said) => unpacking.tellOver(said)).catch(() => undefined)
      if (!isLast) this.#ids.push(idOf(step, this.#info))
      this.#making = answer
    }
    const connected = AbortSignal.any([open.signal, this.#giveUp.signal])
    const archive = loadArchive(step, { plain, end }, reader, report)
    const unpacking = new Unpacking(step, plain, report)
    const sent = silence.sending(abortable(archive, connected))
    const answer = this.#engine.load(sent, connected, (...figures) => {
      silence.hears()
      unpacking.tell(...figures)
    })
    return answer.finally(() => signal.removeEventListener('abort', stop))
  }

  /** Takes them away, and others; first waits for the one that the engine is at work on. */
  async remove(others: readonly string[], report: Report): Promise<void> {
    const limit = setTimeout(() => this.#giveUp.abort(), this.#settleMs)
    late(this.#making, () => report({ type: 'step', text: WAITING }))
    await this.#making.catch(() => undefined)
    clearTimeout(limit)
    await removeAfterLoad([...this.#ids, ...others], this.#engine)
  }
}

/** Tells what is waited for, where that takes long. */
function late(work: Promise<unknown>, tell: () => void): void {
  const notice = setTimeout(tell, UNTOLD_MS)
  const stop = () => clearTimeout(notice)
  work.then(stop, stop)
}

/** Rejects with the signal's reason when it is aborted, and never resolves. */
function abortOf(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => undefined)
  if (signal.aborted) reject(signal.reason)
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  return promise
}

/** Rejects when the answer does, and never resolves. */
function failureOf(answer: Promise<unknown>): Promise<never> {
  return answer.then(() => new Promise<never>(() => undefined))
}
