/** For how long answers are remembered, in milliseconds. */
export interface Memory {
  /** What was found. */
  readonly valueMs: number
  /** That it could not be had. */
  readonly errorMs: number
}

interface Search<T> {
  readonly done: Promise<T>
  readonly stop: AbortController
  waiting: number
}

interface Answer<T> {
  readonly done: Promise<T>
  readonly until: number
}

/** Answers that are remembered, at most. */
const MAX_ANSWERS = 1000

/**
 * What many ask for at the same time is looked for once. Who leaves does not end it for the others; with the last it ends. Answers are
 * remembered a little: docker asks HEAD and then GET.
 */
export class Together<T> {
  readonly #signal: AbortSignal
  readonly #memory: Memory
  readonly #searches = new Map<string, Search<T>>()
  readonly #answers = new Map<string, Answer<T>>()

  /** @param signal ends all searches */
  constructor(signal: AbortSignal, memory: Memory) {
    this.#signal = signal
    this.#memory = memory
  }

  /** @throws what `work` throws; the reason of `signal` */
  async ask(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    const answer = this.#answers.get(key)
    if (answer !== undefined && answer.until > performance.now()) return answer.done
    const search = this.#searches.get(key) ?? this.#begin(key, work)
    search.waiting += 1
    try {
      return await orAborted(search.done, signal)
    } finally {
      search.waiting -= 1
      if (search.waiting === 0) {
        this.#forget(key, search)
        search.stop.abort(signal.reason)
      }
    }
  }

  #begin(key: string, work: (signal: AbortSignal) => Promise<T>): Search<T> {
    const stop = new AbortController()
    const done = work(AbortSignal.any([this.#signal, stop.signal]))
    const search = { done, stop, waiting: 0 }
    this.#searches.set(key, search)
    const end = (ms: number) => {
      this.#forget(key, search)
      if (ms > 0 && !stop.signal.aborted) this.#remember(key, { done, until: performance.now() + ms })
    }
    done.then(
      () => end(this.#memory.valueMs),
      () => end(this.#memory.errorMs),
    )
    return search
  }

  #forget(key: string, search: Search<T>): void {
    if (this.#searches.get(key) === search) this.#searches.delete(key)
  }

  #remember(key: string, answer: Answer<T>): void {
    this.#answers.delete(key)
    this.#answers.set(key, answer)
    const now = performance.now()
    for (const [old, { until }] of this.#answers) {
      if (until > now && this.#answers.size <= MAX_ANSWERS) break
      this.#answers.delete(old)
    }
  }
}

/** Waits for work of others as long as somebody wants it. Throws the signal's reason. */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const stop = () => aborted.reject(signal.reason)
  // Nobody may be left to hear of either.
  for (const promise of [work, aborted.promise]) promise.catch(() => undefined)
  signal.addEventListener('abort', stop, { once: true })
  try {
    if (signal.aborted) stop()
    return await Promise.race([aborted.promise, work])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
