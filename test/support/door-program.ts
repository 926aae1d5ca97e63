import { withHanded } from '../../src/door/handed.ts'
import { requestLine } from '../../src/door/request-line.ts'
import { runDoor } from '../../src/door/run.ts'
import { DockerIpfsError } from '../../src/errors.ts'
import { MemoryNode } from './memory/node.ts'
import { MemoryRegistry } from './memory/registry.ts'

// The front door of tests, as `docker ipfs registry run` is: `bun door-program.ts registry run --port=0`. FOLDER says where it is written
// down; FAILS makes it end with these words, and CODE with this exit code. What it was handed stands in its log.

const env = withHanded(process.env)
const { promise: ended, resolve: end } = Promise.withResolvers<void>()
const stop = new AbortController()
for (const [name, signal] of [
  ['SIGTERM', 15],
  ['SIGINT', 2],
] as const) {
  process.on(name, () => stop.abort(new DockerIpfsError('CANCELLED', 'cancelled', { signal })))
}
const port = Number(/--port=(\d+)/.exec(process.argv.join(' '))?.[1] ?? 0)
process.stderr.write(`handed: ${JSON.stringify({ api: env['DOCKER_IPFS_API'], auth: env['DOCKER_IPFS_API_AUTH'] })}\n`)
process.stderr.write(`in: ${process.cwd()}\n`)
if (env['FAILS'] !== undefined) {
  process.stderr.write(`ERROR: ${env['FAILS']}\nDo that.\n`)
  process.exit(Number(env['CODE'] ?? 1))
}
const { blocks, pins, catalogue } = new MemoryNode().ports
runDoor({
  blocks,
  pins,
  catalogue,
  registry: new MemoryRegistry(),
  options: { port, ...(process.argv.includes('--open') ? { isOpen: true } : {}) },
  folder: env['FOLDER'] ?? '',
  lineOf: requestLine,
  write: (line) => console.log(line),
  report: (event) => 'text' in event && console.error(event.text),
  signal: stop.signal,
}).then(end, (error: Error) => {
  process.stderr.write(`ERROR: ${error.message}\n`)
  process.exitCode = 1
  end()
})
await ended
