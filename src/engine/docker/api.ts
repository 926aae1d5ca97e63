import { type Bytes, collect, splitAt } from '../../streams.ts'
import type { Connect, Connection } from './connection.ts'
import { type Answer, errorOf, HEAD_END, MAX_HEAD, noAnswer, parseAnswers, request, statusOf } from './http.ts'

export type Method = 'GET' | 'POST' | 'DELETE'

/** The engine's HTTP API. Paths begin with a slash and are encoded; without a version in front, the engine takes its newest. */
export interface Api {
  ask(method: Method, path: string, signal: AbortSignal, options?: AskOptions): Promise<Answer>
  /** GETs that go over one connection; the answers in the same order. */
  askAll(paths: readonly string[], signal: AbortSignal): Promise<Answer[]>
  /** The body of an answer as it comes. Its end is the end of the connection, so that it may be cut. */
  download(path: string, signal: AbortSignal): Bytes
  /**
   * Sends a tar as it comes, as fast as the engine takes it. When it fails, the engine sees that it is not whole. An answer may
   * come before the last bytes are sent, which are then not asked for. `hear` is given the answer as it comes, head and all.
   */
  upload(path: string, body: Bytes, signal: AbortSignal, hear?: Hear): Promise<Answer>
}

interface AskOptions {
  readonly headers?: readonly string[]
  /** Is given the answer as it comes, head and all. */
  readonly hear?: Hear
}

type Hear = (bytes: Uint8Array) => void

/** The most bytes of answers that are read over one connection. A load that is told of ten times a second takes 2 kB a second. */
const MAX_ANSWERS = 64 * 1024 * 1024

/** Pieces up to this many bytes are copied into one with what frames them. */
const SMALL = 64 * 1024

export function createApi(connect: Connect): Api {
  const askAll = async (requests: readonly string[], signal: AbortSignal, hear?: Hear) =>
    withConnection(connect, signal, async (connection) => {
      connection.toEngine.write(requests.join(''))
      const answers = await readAnswers(connection.fromEngine, hear)
      if (answers.length !== requests.length) throw noAnswer()
      return answers
    })
  return {
    async ask(method, path, signal, { headers = [], hear } = {}) {
      const [answer] = await askAll([request(method, path, { last: true, headers })], signal, hear)
      return answer as Answer
    },
    askAll: (paths, signal) =>
      askAll(
        paths.map((path, at) => request('GET', path, { last: at === paths.length - 1 })),
        signal,
      ),
    download: (path, signal) => download(connect, path, signal),
    upload: (path, body, signal, hear) =>
      withConnection(connect, signal, async (connection) => {
        const headers = ['Content-Type: application/x-tar', 'Transfer-Encoding: chunked']
        connection.toEngine.write(request('POST', path, { last: true, headers }))
        const answers = readAnswers(connection.fromEngine, hear)
        await send(connection, body, answers)
        const [answer] = await answers
        if (answer === undefined) throw noAnswer()
        return answer
      }),
  }
}

async function withConnection<T>(
  connect: Connect,
  signal: AbortSignal,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await connect(signal)
  try {
    return await use(connection)
  } finally {
    await connection.close()
  }
}

async function* download(connect: Connect, path: string, signal: AbortSignal): Bytes {
  const connection = await connect(signal)
  try {
    // In HTTP/1.0 the body comes as it is, not in chunks: those of the engine are small.
    connection.toEngine.write(`GET ${path} HTTP/1.0\r\nHost: docker${HEAD_END}`)
    const { status, body } = await readHead(connection.fromEngine)
    if (status === 200) yield* body
    else {
      const text = Buffer.from(await collect(body, MAX_ANSWERS, "the engine's answer")).toString('utf8')
      throw errorOf({ status, body: text })
    }
  } finally {
    await connection.close()
  }
}

async function readHead(stream: Bytes): Promise<{ readonly status: number; readonly body: Bytes }> {
  const { head, body } = await splitAt(stream, HEAD_END, MAX_HEAD)
  if (body === undefined) throw noAnswer(head)
  return { status: statusOf(head.toString('latin1')), body }
}

/** Reads what comes until the connection ends. That it breaks behind the last answer is no error. */
async function readAnswers(stream: Bytes, hear: (bytes: Uint8Array) => void = () => {}): Promise<Answer[]> {
  const parts: Uint8Array[] = []
  const kept = async function* () {
    for await (const part of stream) {
      parts.push(part)
      hear(part)
      yield part
    }
  }
  try {
    await collect(kept(), MAX_ANSWERS, "the engine's answer")
  } catch (error) {
    try {
      if (parts.length > 0) return parseAnswers(Buffer.concat(parts))
    } catch {
      // Cut: why, is in the error.
    }
    throw error
  }
  return parseAnswers(Buffer.concat(parts))
}

/** Writes a body in chunks, until it ends or an answer is there. */
async function send({ toEngine }: Connection, body: Bytes, answers: Promise<unknown>): Promise<void> {
  let over = false
  let wake = () => {}
  const stop = () => {
    over = true
    wake()
  }
  answers.then(stop, stop)
  for await (const bytes of body) {
    if (over) return
    if (bytes.length === 0 || writeChunk(toEngine, bytes)) continue
    await new Promise<void>((resolve) => {
      wake = resolve
      toEngine.once('drain', resolve)
    })
  }
  toEngine.write('0\r\n\r\n')
}

function writeChunk(to: NodeJS.WritableStream, bytes: Uint8Array): boolean {
  const size = `${bytes.length.toString(16)}\r\n`
  if (bytes.length <= SMALL) return to.write(Buffer.concat([Buffer.from(size), bytes, Buffer.from('\r\n')]))
  to.write(size)
  to.write(bytes)
  return to.write('\r\n')
}
