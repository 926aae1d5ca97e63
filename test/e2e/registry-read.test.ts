import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Door, openDoor } from '../support/door.ts'
import { ENGINES, isOld } from '../support/engine.ts'
import { bulk, contentsOf, digest, GOLDEN, imageOf, type TestImage } from '../support/images.ts'
import { forPlatform, Layout } from '../support/layouts.ts'
import { useReal } from '../support/real.ts'
import { script } from '../support/scripts.ts'
import { tarOf } from '../support/tar.ts'

const real = useReal({ engines: ENGINES, nodes: ['node', 'far'] })
const BASE = tarOf([{ path: 'base', body: bulk(6_000_000, 'base') }])
const version = (text: string): TestImage => imageOf([BASE, tarOf([{ path: 'app', body: Buffer.from(text) }])])
const [V1, V2] = [version('1'), version('2')]
const STRANGE = GOLDEN.strange()
const roots: Record<string, string> = {}
let door: Door
let skopeo = ''

const ARM64 = forPlatform(GOLDEN.tiny(), 'arm64')
const ipfs = (...args: string[]) => real.engine(ENGINES[0] ?? '').ipfs(real.node('node'), ...args)

async function save(node: string, name: string, image: TestImage): Promise<string> {
  const engine = real.engine(ENGINES[0] ?? '')
  const id = await engine.give(image)
  await engine.docker('image', 'tag', id, name)
  return engine.save(real.node(node), name)
}

beforeAll(async () => {
  for (const [name, image] of [
    ['app:1', V1],
    ['app:2', V2],
    ['ghcr.io/x/strange:latest', STRANGE],
  ] as const) {
    roots[name] = await save('node', name, image)
  }
  const layout = new Layout()
  const platform = (architecture: string) => ({ platform: { os: 'linux', architecture } })
  const index = layout.index([layout.image(STRANGE, platform('amd64')), layout.image(ARM64, platform('arm64'))])
  await Bun.write(join(real.place.folder, 'multi.tar'), layout.tar([index]))
  roots['multi'] = (await ipfs('save', '-q', '-i', join(real.place.folder, 'multi.tar'))).stdout.trim()
  const published = await ipfs('publish', '-q', '--timeout', '30s')
  roots['key'] = published.stdout.trim().replace('ipns://', '')
  roots['far'] = await save('far', 'far:1', GOLDEN.large())
  door = await openDoor(real.node('node'))
  skopeo = (await script('skopeo')).trim()
})
beforeEach(() => Promise.all(ENGINES.map((name) => real.engine(name).clear())))
afterAll(() => door?.close())

describe.each(ENGINES)('docker pull on %s', (name) => {
  const engine = () => real.engine(name)
  const pull = (reference: string) => engine().docker('image', 'pull', '-q', `${door.host}/${reference}`)
  const idOf = (image: string) => engine().docker('image', 'inspect', '--format', '{{.Id}}', image)

  test('by CID gives the image that a load gives, with the same ID', async () => {
    const root = roots['app:1'] as string
    expect(await pull(root)).toBe(`${door.host}/${root}:latest`)
    expect(await engine().contents(`${door.host}/${root}`)).toEqual(contentsOf(V1))
    const id = await idOf(`${door.host}/${root}`)
    await engine().clear()
    expect(await engine().ipfs(real.node('node'), 'load', '-q', '--tag', 'loaded:1', root)).toMatchObject({
      exitCode: 0,
    })
    expect(await idOf('loaded:1')).toBe(id)
  })

  test('by names of the catalogue gives their images', async () => {
    for (const [path, image] of [
      ['app:1', V1],
      ['docker.io/library/app:2', V2],
      ['ghcr.io/x/strange', STRANGE],
    ] as const) {
      await pull(path)
      expect(await engine().contents(`${door.host}/${path}`)).toEqual(contentsOf(image))
    }
  })

  test('by an IPNS name gives what is published under it', async () => {
    await pull(`ipns/${roots['key']}/app:2`)
    expect(await engine().contents(`${door.host}/ipns/${roots['key']}/app:2`)).toEqual(contentsOf(V2))
    await expect(pull(`ipns/${roots['key']}/app:3`)).rejects.toThrow(/not found|has no tag 3/)
  })

  test('of several platforms gives the one of this machine, or the one that is asked for', async () => {
    const image = `${door.host}/${roots['multi']}`
    const [here, there] = process.arch === 'arm64' ? [ARM64, STRANGE] : [STRANGE, ARM64]
    await pull(roots['multi'] as string)
    expect(await engine().contents(image)).toEqual(contentsOf(here))
    await engine().clear()
    const other = there === ARM64 ? 'linux/arm64' : 'linux/amd64'
    await engine().docker('image', 'pull', '-q', '--platform', other, image)
    // A save of an index takes the platform of this machine, where a containerd store has not got it.
    if (!engine().isContainerd) expect(await engine().contents(image)).toEqual(contentsOf(there))
  })

  test('of plain layers gives the image too', async () => {
    await pull('plain/ghcr.io/x/strange')
    expect(await engine().contents(`${door.host}/plain/ghcr.io/x/strange`)).toEqual(contentsOf(STRANGE))
  })

  test('by the digest that a pull told gives the same image', async () => {
    await pull('app:1')
    const format = '{{index .RepoDigests 0}}'
    const pinned = await engine().docker('image', 'inspect', '--format', format, `${door.host}/app:1`)
    await engine().clear()
    await engine().docker('image', 'pull', '-q', pinned)
    expect(await engine().contents(pinned)).toEqual(contentsOf(V1))
  })

  test('of a next version takes the new layer alone', async () => {
    await pull('app:1')
    const before = door.requests.length
    await pull('app:2')
    const base = isOld(name) ? digest(BASE) : await blobOf('app', '1', 0)
    expect(door.requests.slice(before).filter(({ path, method }) => method === 'GET' && path.endsWith(base))).toEqual(
      [],
    )
    expect(await engine().contents(`${door.host}/app:2`)).toEqual(contentsOf(V2))
  })

  test('of what is not there says so', async () => {
    for (const path of ['app:3', 'nothing:1', `${roots['app:1']}:1`]) {
      await expect(pull(path)).rejects.toThrow(/not found|manifest unknown/)
    }
  })

  test('of an image that another node has gives it, and the node has it then', async () => {
    const node = real.node('node')
    const root = roots['far'] as string
    await node.connect(real.node('far'))
    await pull(root)
    expect(await engine().contents(`${door.host}/${root}`)).toEqual(contentsOf(GOLDEN.large()))
    for (let looks = 0; looks < 100 && !(await node.pins()).includes(root); looks += 1) await Bun.sleep(100)
    expect(await node.pins()).toContain(root)
    const listed = await engine().ipfs(node, 'ls', '-q', '--no-trunc')
    expect(listed.stdout).toContain(root)
    await engine().ipfs(node, 'rm', root)
  })
})

interface Manifest {
  readonly config: { readonly digest: string }
  readonly layers: readonly { readonly digest: string; readonly size: number }[]
}

const get = (path: string, headers: Record<string, string> = {}) => fetch(`http://${door.host}/v2/${path}`, { headers })
const manifestOf = async (name: string, tag: string) =>
  (await (await get(`${name}/manifests/${tag}`)).json()) as Manifest
const blobOf = async (name: string, tag: string, at: number) => (await manifestOf(name, tag)).layers[at]?.digest ?? ''

describe('over HTTP', () => {
  test('parts of layers, packed and plain, are those of the whole', async () => {
    for (const blob of [await blobOf('app', '1', 0), digest(BASE)]) {
      const whole = Buffer.from(await (await get(`app/blobs/${blob}`)).arrayBuffer())
      expect(digest(whole)).toBe(blob)
      const part = await get(`app/blobs/${blob}`, { range: 'bytes=1000000-3000000' })
      expect(part.status).toBe(206)
      expect(Buffer.from(await part.arrayBuffer()).equals(whole.subarray(1_000_000, 3_000_001))).toBe(true)
    }
  })

  test('HEAD tells of a tar only who reads no zstd', async () => {
    const head = (agent: string) =>
      fetch(`http://${door.host}/v2/app/blobs/${digest(BASE)}`, { method: 'HEAD', headers: { 'user-agent': agent } })
    expect((await head('docker/28.5.2')).status).toBe(404)
    const old = await head('docker/20.10.24+dfsg1 go/go1.19.8')
    expect([old.status, old.headers.get('content-length')]).toEqual([200, String(BASE.length)])
  })

  test('blobs and manifests are found by their digests in any repository', async () => {
    const fresh = await openDoor(real.node('node'))
    try {
      const { config, layers } = await manifestOf('app', '2')
      for (const { digest: blob } of [config, ...layers]) {
        expect((await fetch(`http://${fresh.host}/v2/no/such/blobs/${blob}`)).status).toBe(200)
      }
    } finally {
      await fresh.close()
    }
  })

  test('names are listed in full, with their tags', async () => {
    expect(await (await get('_catalog')).json()).toMatchObject({
      repositories: expect.arrayContaining(['docker.io/library/app', 'ghcr.io/x/strange']),
    })
    expect(await (await get('app/tags/list')).json()).toEqual({ name: 'app', tags: ['1', '2'] })
  })
})

describe('skopeo', () => {
  const at = (reference: string) => ['--tls-verify=false', `docker://${door.host}/${reference}`]

  test('inspects an image by its CID', async () => {
    const { exitCode, stdout } = await real.place.run(skopeo, ['inspect', ...at(roots['app:1'] ?? '')])
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ RepoTags: ['latest'], Os: 'linux' })
  })

  test('copies an image, layer by layer', async () => {
    const layout = join(real.place.folder, 'layout')
    const copied = await real.place.run(skopeo, [
      '--insecure-policy',
      'copy',
      '-q',
      '--src-tls-verify=false',
      `docker://${door.host}/app:1`,
      `oci:${layout}`,
    ])
    expect(copied).toMatchObject({ exitCode: 0, stderr: '' })
    const blob = await blobOf('app', '1', 0)
    const bytes = await Bun.file(join(layout, 'blobs/sha256', blob.slice('sha256:'.length))).bytes()
    expect(digest(bytes)).toBe(blob)
  })
})

/** Changes a byte of the block that has these bytes. */
function damage(repo: string, bytes: Buffer): void {
  const blocks = join(repo, 'blocks')
  for (const path of readdirSync(blocks, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.data')) continue
    const block = readFileSync(join(blocks, path))
    const at = block.indexOf(bytes)
    if (at < 0) continue
    block[at] = (block[at] ?? 0) ^ 1
    writeFileSync(join(blocks, path), block)
    return
  }
  throw new Error('no such block')
}

describe('wrong bytes on the node', () => {
  let layer = ''
  const tar = tarOf([{ path: 'x', body: bulk(700_000, 'damaged') }])

  beforeAll(async () => {
    await save('node', 'damaged:1', imageOf([tar]))
    layer = await blobOf('damaged', '1', 0)
    damage(real.node('node').repo, bulk(700_000, 'damaged').subarray(300_000, 300_032))
  })

  // What is known to be wrong is refused for a while: each asks a door that knows nothing.
  const fresh = async (act: (host: string) => Promise<void>) => {
    const own = await openDoor(real.node('node'))
    try {
      await act(own.host)
    } finally {
      await own.close()
    }
  }

  test.each(ENGINES)('make no image on %s, and a classic store says why', async (name) => {
    const engine = real.engine(name)
    await fresh(async (host) => {
      const words = engine.isContainerd ? /./ : /unsupported: Blob sha256:\w+ has digest sha256:\w+, but should have/
      await expect(engine.docker('image', 'pull', '-q', `${host}/damaged:1`)).rejects.toThrow(words)
    })
    expect(await engine.images()).toEqual([])
  })

  test('never come whole to anybody, packed or plain', async () => {
    for (const [blob, size] of [
      [layer, (await manifestOf('damaged', '1')).layers[0]?.size],
      [digest(tar), tar.length],
    ] as const) {
      await fresh(async (host) => {
        const answer = await fetch(`http://${host}/v2/damaged/blobs/${blob}`)
        expect([answer.status, Number(answer.headers.get('content-length'))]).toEqual([200, size as number])
        await expect(answer.arrayBuffer()).rejects.toThrow()
      })
    }
  })
})
