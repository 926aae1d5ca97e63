/**
 * Peak memory and time of the front door (the compiled plugin): one large layer pushed and pulled over HTTP, then pulled eight times at once, as
 * it is packed and as a tar; and the same by an engine, push and pull.
 *
 *     bun bench/door.ts [--gb 1] [--engine docker28-ctr]     after `npm run build`; `--engine ''`: HTTP alone
 */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { parseArgs } from 'node:util'
import { END_OF_ARCHIVE, fileHeader, paddingOf } from '../src/format/tar-header.ts'
import { type CompiledDoor, startDoor } from '../test/support/compiled-door.ts'
import { noise } from '../test/support/images.ts'
import { Place } from '../test/support/place.ts'
import { removeEngine, removeNode, startEngine, startNode } from './places.ts'

const { values: flags } = parseArgs({
  options: { gb: { type: 'string', default: '1' }, engine: { type: 'string', default: 'docker28-ctr' } },
})
/** Does not compress, and repeats: the node keeps little, and the layer is large. */
const PIECE = noise(10 * 1024 * 1024, 'door')
const pieces = Math.ceil((Number(flags.gb) * 1e9) / PIECE.length)
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const AT_ONCE = 8

const place = new Place()
const node = await startNode('door', true)
try {
  const tar = await digestOf(layer())
  await on('push over HTTP', async (door) => push(door, tar))
  const packed = await packedLayer()
  await on('pull packed', (door) => pull(door, packed))
  await on('pull plain', (door) => pull(door, tar.digest))
  await on(`${AT_ONCE} pulls packed`, (door) => atOnce(() => pull(door, packed)))
  await on(`${AT_ONCE} pulls plain`, (door) => atOnce(() => pull(door, tar.digest)))
  if (flags.engine !== '') await byEngine(flags.engine)
} finally {
  await removeNode(node.name)
  place.remove()
}

async function byEngine(name: string): Promise<void> {
  const engine = await startEngine(name)
  try {
    const old = await on(`pull by ${name}`, async (door) => {
      await engine.docker('pull', '-q', `${door.host}/large:1`)
      return door.port
    })
    await on(
      `push by ${name} to a door that has nothing`,
      async (door) => {
        await engine.docker('tag', `127.0.0.1:${old}/large:1`, `${door.host}/back:1`)
        await engine.docker('push', '-q', `${door.host}/back:1`)
      },
      true,
    )
  } finally {
    await removeEngine(name)
  }
}

/** A door of its own for each figure: a peak is that of a process. */
async function on<T>(what: string, act: (door: CompiledDoor) => Promise<T>, isEmpty = false): Promise<T> {
  const at = isEmpty ? await startNode('door-empty', true) : node
  const door = await startDoor(place, at)
  try {
    const began = performance.now()
    const done = await act(door)
    const seconds = (performance.now() - began) / 1000
    console.log(`${what}: ${seconds.toFixed(1)} s, peak ${(door.peak() / 1e6).toFixed(0)} MB`)
    return done
  } finally {
    await door.stop()
    if (isEmpty) await removeNode(at.name)
  }
}

async function* layer(): AsyncGenerator<Buffer> {
  const size = pieces * PIECE.length
  yield Buffer.from(fileHeader('large', size))
  for (let piece = 0; piece < pieces; piece += 1) yield PIECE
  yield Buffer.alloc(paddingOf(size))
  yield Buffer.from(END_OF_ARCHIVE)
}

async function digestOf(bytes: AsyncIterable<Uint8Array>): Promise<{ digest: string; size: number }> {
  const hash = createHash('sha256')
  let size = 0
  for await (const part of bytes) {
    hash.update(part)
    size += part.length
  }
  return { digest: `sha256:${hash.digest('hex')}`, size }
}

async function push({ host }: CompiledDoor, tar: { digest: string; size: number }): Promise<void> {
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: [tar.digest] },
    }),
  )
  const configured = await digestOf(Readable.from([config]))
  await upload(host, tar.digest, layer())
  await upload(host, configured.digest, Readable.from([config]))
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...configured },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...tar }],
  }
  await ok(`http://${host}/v2/large/manifests/1`, {
    method: 'PUT',
    headers: { 'content-type': MANIFEST },
    body: JSON.stringify(manifest),
  })
}

async function upload(host: string, digest: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const begun = await ok(`http://${host}/v2/large/blobs/uploads/`, { method: 'POST' })
  const url = `http://${host}${begun.headers.get('location')}?digest=${digest}`
  await ok(url, { method: 'PUT', body: bytes as AsyncGenerator<Uint8Array<ArrayBuffer>> })
}

/** Of the image as the node has it, whatever it was pushed as. */
async function packedLayer(): Promise<string> {
  return on('its manifest', async ({ host }) => {
    const root = (await ok(`http://${host}/v2/large/manifests/1`)).headers.get('x-ipfs-root')
    const manifest = (await (await ok(`http://${host}/v2/${root}/manifests/latest`)).json()) as {
      layers: readonly [{ digest: string }]
    }
    return manifest.layers[0].digest
  })
}

async function pull({ host }: CompiledDoor, digest: string): Promise<void> {
  const { body } = await ok(`http://${host}/v2/large/blobs/${digest}`)
  const got = await digestOf(body as unknown as AsyncIterable<Uint8Array>)
  if (got.digest !== digest) throw new Error(`${got.digest} came, and not ${digest}`)
}

function atOnce(act: () => Promise<void>): Promise<unknown> {
  return Promise.all(Array.from({ length: AT_ONCE }, act))
}

async function ok(url: string, init?: RequestInit): Promise<Response> {
  const answer = await fetch(url, init)
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`)
  return answer
}
