/** Serves a registry in memory, for what runs beside the tests. Prints its port. `bun test/support/serve-memory.ts` */
import { serve } from '../../src/distribution/server.ts'
import { MemoryRegistry } from './memory/registry.ts'

const ended = new AbortController()
process.once('SIGTERM', () => ended.abort())
const { port } = await serve(new MemoryRegistry(), {
  port: Number(process.argv[2] ?? 0),
  signal: ended.signal,
  onRequest: (entry) => console.error(JSON.stringify(entry)),
})
console.log(port)
