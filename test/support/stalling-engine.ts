import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { listen } from './relay.ts'

/** Stands in front of a real engine, passes everything on, and never answers a request for one of these paths. */
export async function stallingEngine(at: string, engine: string, path: RegExp) {
  const reached = Promise.withResolvers<void>()
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const { method, url = '/', headers } = incoming
    if (path.test(url)) return reached.resolve()
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const forward = request({ socketPath: engine, method, path: url, headers }, resolve)
      forward.on('error', reject)
      incoming.pipe(forward)
    })
    outgoing.writeHead(response.statusCode ?? 502, response.headers)
    await pipeline(response, outgoing)
  }
  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing).catch(() => outgoing.destroy())
  })
  await listen(server, { path: at })
  return { host: `unix://${at}`, reached: reached.promise, close: () => server.close() }
}
