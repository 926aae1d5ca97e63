import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { type CompiledDoor, startDoor } from '../support/compiled-door.ts'
import { ENGINES } from '../support/engine.ts'
import { archiveOci, bulk, contentsOf, digest, imageOf, type TestImage } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { type RegistryProgram, startRegistry } from '../support/registry-program.ts'
import { script } from '../support/scripts.ts'
import { useShortFolder } from '../support/short-folder.ts'
import { tarOf } from '../support/tar.ts'

// What an engine has from elsewhere, and what it then takes from the front door, and gives it.

const FIRST = ENGINES[0] ?? ''
const real = useReal({ engines: ENGINES, nodes: ['node'] })
/** Two versions on a base of their own: a classic store knows the digests of layers long after they are gone. */
const versions = (name: string): readonly [TestImage, TestImage] => {
  const base = tarOf([{ path: 'base', body: bulk(6_000_000, name) }])
  const version = (text: string) => imageOf([base, tarOf([{ path: 'app', body: Buffer.from(name + text) }])])
  return [version('1'), version('2')]
}
const [V1, V2] = versions('stores')
/** A manifest and two layers that are new and small. */
const SMALL = 20_000
const short = useShortFolder()
let door: CompiledDoor
let other: RegistryProgram

async function save(image: TestImage, name: string): Promise<string> {
  const file = join(real.place.folder, 'save.tar')
  await Bun.write(file, archiveOci(image, 'plain'))
  const run = await real.engine(FIRST).ipfs(real.node(), 'save', '-q', '-i', file)
  expect(run).toMatchObject({ exitCode: 0, stderr: '' })
  const root = run.stdout.trim()
  expect(await real.engine(FIRST).ipfs(real.node(), 'tag', root, name)).toMatchObject({ exitCode: 0 })
  return root
}

beforeAll(async () => {
  door = await startDoor(real.place, real.node())
  other = await startRegistry()
  await save(V1, 'stores:1')
  await save(V2, 'stores:2')
})
afterAll(async () => {
  await door?.stop()
  await other?.stop()
})
beforeEach(() => Promise.all(ENGINES.map((name) => real.engine(name).clear())))

/** Bytes of layers that the door sent from this moment on. */
function sent(): () => number {
  const from = door.requests.length
  return () =>
    door.requests
      .slice(from)
      .filter(({ method, path }) => method === 'GET' && path.includes('/blobs/'))
      .reduce((sum, { bytes }) => sum + bytes, 0)
}

describe.each(ENGINES)('%s', (name) => {
  const engine = () => real.engine(name)
  const pull = (reference: string) => engine().docker('image', 'pull', '-q', `${door.host}/${reference}`)
  async function isWhole(image: string): Promise<void> {
    expect(await engine().contents(image)).toEqual(contentsOf(V2))
    const elsewhere = `127.0.0.1:${other.port}/${name}:2`
    await engine().docker('image', 'tag', image, elsewhere)
    await engine().docker('image', 'push', '-q', elsewhere)
  }

  test('that loaded an earlier version has a whole one of plain layers', async () => {
    await engine().give(V1)
    await pull('plain/stores:2')
    await isWhole(`${door.host}/plain/stores:2`)
  })

  // Of a containerd store it may run, and not be whole: it left out blobs of layers that it has unpacked.
  test('that loaded an earlier version and pulled the next has it whole after docker ipfs load', async () => {
    await engine().give(V1)
    await pull('stores:2')
    const load = await engine().ipfs(real.node(), 'load', '-q', '--tag', 'whole:2', 'stores:2')
    expect(load).toMatchObject({ exitCode: 0, stderr: '' })
    await isWhole('whole:2')
  })

  test('that has an earlier version by docker ipfs load alone has the next one whole by a pull', async () => {
    const [first, second] = versions(`loaded ${name}`)
    await save(first, `loaded-${name}:1`)
    await save(second, `loaded-${name}:2`)
    expect(await engine().ipfs(real.node(), 'load', '-q', `loaded-${name}:1`)).toMatchObject({ exitCode: 0 })
    const bytes = sent()
    await pull(`loaded-${name}:2`)
    // A classic store leaves out what it pulled or pushed before, and nothing else.
    if (engine().isContainerd) expect(bytes()).toBeLessThan(SMALL)
    expect(await engine().contents(`${door.host}/loaded-${name}:2`)).toEqual(contentsOf(second))
  })

  test('that pulled an earlier version takes no old layer, and gives back no layer: it has the same CID', async () => {
    const [first, second] = versions(`pulled ${name}`)
    await save(first, `pulled-${name}:1`)
    const root = await save(second, `pulled-${name}:2`)
    await pull(`pulled-${name}:1`)
    const bytes = sent()
    await pull(`pulled-${name}:2`)
    expect(bytes()).toBeLessThan(SMALL)
    const to = `${door.host}/back/${name}:2`
    await engine().docker('image', 'tag', `${door.host}/pulled-${name}:2`, to)
    door.received()
    await engine().docker('image', 'push', '-q', to)
    expect(door.received()).toBeLessThan(2000)
    const listed = await engine().ipfs(real.node(), 'ls', '--no-trunc', '--format', '{{.CID}}', `back/${name}:2`)
    expect(listed.stdout.trim()).toBe(root)
  })
})

test('podman pushes what an old engine pulled, and calls the layers what they are', async () => {
  const old = real.engine(FIRST)
  await old.docker('image', 'pull', '-q', `${door.host}/plain/stores:1`)
  const archive = join(real.place.folder, 'pulled.tar')
  await old.docker('image', 'save', '-o', archive, `${door.host}/plain/stores:1`)
  const podman = (await script('podman', short)).trim()
  const run = async (...args: string[]) => {
    const done = await real.place.run('env', ['-u', 'DOCKER_CONFIG', podman, ...args])
    expect({ args, exitCode: done.exitCode, stderr: done.exitCode === 0 ? '' : done.stderr }).toMatchObject({
      exitCode: 0,
      stderr: '',
    })
    return done.stdout.trim()
  }
  await run('load', '-q', '-i', archive)
  await run('push', '-q', '--tls-verify=false', `${door.host}/plain/stores:1`, `${door.host}/podman:1`)
  const headers = {
    accept: 'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json',
  }
  const manifest = (await (await fetch(`http://${door.host}/v2/podman/manifests/1`, { headers })).json()) as {
    layers: { mediaType: string; digest: string }[]
  }
  for (const { mediaType, digest: blob } of manifest.layers) {
    const bytes = await (await fetch(`http://${door.host}/v2/podman/blobs/${blob}`)).bytes()
    expect(digest(bytes)).toBe(blob)
    const packing = bytes[0] === 0x1f ? 'gzip' : bytes[0] === 0x28 ? 'zstd' : 'tar'
    expect([mediaType, packing]).toEqual([
      expect.stringMatching(new RegExp(`tar.?${packing === 'tar' ? '' : packing}$`)),
      packing,
    ])
  }
})
