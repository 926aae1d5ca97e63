import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { listen, withoutRoot } from './relay.ts'

/** What becomes of the archive of `docker save`. */
export type Lie = (archive: AsyncIterable<Buffer>) => AsyncIterable<Buffer>

/** Stands in front of a real engine. `pass` gives its answer to a request. */
export async function inFrontOf(
  at: string,
  engine: string,
  answer: (
    url: string,
    pass: () => Promise<IncomingMessage>,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ) => Promise<void>,
) {
  const server = createServer((incoming, outgoing) => {
    const { method, url = '/', headers } = incoming
    const pass = () =>
      new Promise<IncomingMessage>((resolve, reject) => {
        const forward = request({ socketPath: engine, method, path: url, headers }, resolve)
        forward.on('error', reject)
        incoming.pipe(forward)
      })
    answer(url, pass, incoming, outgoing).catch(() => outgoing.destroy())
  })
  await listen(server, { path: at })
  return { host: `unix://${at}`, close: () => server.close() }
}

/** Stands in front of a real engine, passes everything on, and changes the archive of `docker save`. */
export function lyingEngine(at: string, engine: string, lie: Lie) {
  return inFrontOf(at, engine, async (url, pass, { method }, outgoing) => {
    const saves = method === 'GET' && /\/images\/(.+\/)?get(\?|$)/.test(url)
    const response = await pass()
    const { 'content-length': length, 'transfer-encoding': _, connection: __, ...rest } = response.headers
    outgoing.writeHead(
      response.statusCode ?? 502,
      saves || length === undefined ? rest : { ...rest, 'content-length': length },
    )
    await pipeline(response, saves ? lie : hidesPacking, outgoing)
  })
}

/** Else the image would be read where the engine packs it, and not here. */
async function* hidesPacking(answer: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const bytes of answer) yield withoutRoot(bytes)
}

/** As an engine that fails after its answer has begun: the error stands in the archive, and all ends well. */
export function breaksAfter(bytes: number, message: string): Lie {
  return async function* (archive) {
    yield* first(bytes, archive)
    yield Buffer.from(`${JSON.stringify({ errorDetail: { message }, error: message })}\n`)
  }
}

/** The archive ends early, without a word. */
export function endsAfter(bytes: number): Lie {
  return (archive) => first(bytes, archive)
}

/** The connection breaks. */
export function hangsUpAfter(bytes: number): Lie {
  return async function* (archive) {
    yield* first(bytes, archive)
    // So that what was sent has arrived.
    await Bun.sleep(100)
    throw new Error('hung up')
  }
}

/** Some bytes are others. */
export function replaces(from: string, to: string): Lie {
  return async function* (archive) {
    const parts: Buffer[] = []
    for await (const bytes of archive) parts.push(bytes)
    const all = Buffer.concat(parts)
    const at = all.indexOf(from)
    if (at < 0 || from.length !== to.length) throw new Error(`the archive has no "${from}"`)
    all.write(to, at)
    yield all
  }
}

/** Reads on to the end, so that the real engine's answer is not broken off. */
async function* first(bytes: number, archive: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let left = bytes
  for await (const part of archive) {
    if (left > 0) yield part.subarray(0, left)
    left -= part.length
  }
}
