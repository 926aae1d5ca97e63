/**
 * Peak memory of a save and a load of a large image, each layer of which is one file, and of a save from the engine; the archive of the first
 * save comes through a pipe and is made as it is read.
 *
 *     bun bench/large-image.ts [--gb 5] [--layers 1] [--engine docker28-ctr]     `--engine ''`: the save alone
 *
 * Bytes repeat every 10 MiB, so that the node keeps little; the engine needs three times the image on its disk.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { END_OF_ARCHIVE, fileHeader, paddingOf } from '../src/format/tar-header.ts'
import { bulk } from '../test/support/images.ts'
import { MemoryWatch } from './memory.ts'
import { buildPlugin, removeEngine, removeNode, startEngine, startNode } from './places.ts'

const { values: flags } = parseArgs({
  options: {
    gb: { type: 'string', default: '5' },
    layers: { type: 'string', default: '1' },
    engine: { type: 'string', default: 'docker28-ctr' },
  },
})
const PIECE = 10 * 1024 * 1024
const layers = Number(flags.layers)
const pieces = Math.ceil((Number(flags.gb) * 1e9) / PIECE / layers)
const fileSize = pieces * PIECE
const size = layers * fileSize

const dockerConfig = await buildPlugin()
const node = await startNode('large', true)
try {
  const cid = await watched('save -i -', 'unix:///nowhere.sock', ['save', '-q', '-i', '-'], archive())
  if (flags.engine !== '') {
    const engine = await startEngine(flags.engine)
    const loaded = await watched('load', engine.host, ['load', '-q', cid])
    const id = loaded.replace('Loaded image ID: ', '')
    const again = await watched('save', engine.host, ['save', '-q', '--no-cache', id])
    if (again !== cid) throw new Error(`the image comes back as ${again}`)
  }
} finally {
  await removeNode('large')
  if (flags.engine !== '') await removeEngine(flags.engine)
}

/** Runs `docker ipfs`, says what it took, and gives what it printed. */
async function watched(
  what: string,
  host: string,
  args: readonly string[],
  input?: AsyncIterable<Uint8Array>,
): Promise<string> {
  const began = performance.now()
  const child = spawn('docker', ['-H', host, 'ipfs', ...args], {
    env: { ...process.env, DOCKER_CONFIG: dockerConfig, DOCKER_IPFS_API: node.api },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'inherit'],
  })
  const memory = new MemoryWatch(child.pid ?? 0)
  const code = new Promise<number | null>((done) => child.on('exit', done))
  let output = ''
  child.stdout?.on('data', (bytes: Buffer) => {
    output += bytes.toString()
  })
  if (input !== undefined && child.stdin !== null)
    await pipeline(Readable.from(input, { objectMode: false }), child.stdin)
  if ((await code) !== 0) throw new Error(`docker ipfs ${args.join(' ')} failed`)
  const { largest, together } = memory.stop()
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  console.log(
    `${what}, ${(size / 1e9).toFixed(2)} GB: ${mb(largest)} the largest process, ${mb(together)} together, ${seconds} s: ${output.trim()}`,
  )
  return output.trim()
}

/** As `docker save` of 20.10 writes it: the layers first. */
async function* archive(): AsyncGenerator<Uint8Array> {
  const piece = bulk(PIECE, 'large')
  const names = Array.from({ length: layers }, (_, at) => `big${at}`)
  const diffIds: string[] = []
  for (const name of names) {
    const hash = createHash('sha256')
    const header = fileHeader(name, fileSize)
    yield fileHeader(`${name}/layer.tar`, header.length + fileSize + END_OF_ARCHIVE.length)
    for (const bytes of [header, ...Array<Uint8Array>(pieces).fill(piece), END_OF_ARCHIVE]) {
      hash.update(bytes)
      yield bytes
    }
    diffIds.push(`sha256:${hash.digest('hex')}`)
  }
  yield document('config.json', {
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: diffIds },
  })
  const paths = names.map((name) => `${name}/layer.tar`)
  yield document('manifest.json', [{ Config: 'config.json', RepoTags: null, Layers: paths }])
  yield END_OF_ARCHIVE
}

function document(name: string, value: unknown): Buffer {
  const bytes = Buffer.from(JSON.stringify(value))
  return Buffer.concat([fileHeader(name, bytes.length), bytes, Buffer.alloc(paddingOf(bytes.length))])
}
