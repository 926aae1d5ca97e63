import { pipeline } from 'node:stream/promises'
import { inFrontOf } from './lying-engine.ts'

/** Stands in front of a real engine, passes everything on, and never answers a request for one of these paths. */
export async function stallingEngine(at: string, engine: string, path: RegExp) {
  const reached = Promise.withResolvers<void>()
  const { host, close } = await inFrontOf(at, engine, async (url, pass, _, outgoing) => {
    if (path.test(url)) return reached.resolve()
    const response = await pass()
    outgoing.writeHead(response.statusCode ?? 502, response.headers)
    await pipeline(response, outgoing)
  })
  return { host, reached: reached.promise, close }
}
