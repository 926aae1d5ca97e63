import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type CompiledDoor, startDoor } from '../support/compiled-door.ts'
import { ENGINES } from '../support/engine.ts'
import { archiveOci, bulk, digest, imageOf, type TestImage } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { script } from '../support/scripts.ts'
import { tarOf } from '../support/tar.ts'

const FIRST = ENGINES[0] ?? ''
const real = useReal({ engines: ENGINES, nodes: ['node', 'other'] })
const BASE = tarOf([{ path: 'base', body: bulk(6_000_000, 'base') }])
const version = (text: string): TestImage => imageOf([BASE, tarOf([{ path: 'app', body: Buffer.from(text) }])])
/** A small new layer and a config, with what belongs to them. */
const SMALL = 20_000
let door: CompiledDoor

beforeAll(async () => {
  door = await startDoor(real.place, real.node('node'))
})
afterAll(() => door?.stop())
beforeEach(() => Promise.all(ENGINES.map((name) => real.engine(name).clear())))

async function catalogue(): Promise<Record<string, string>> {
  const { stdout } = await real
    .engine(FIRST)
    .ipfs(real.node('node'), 'ls', '--format', '{{.Repository}}:{{.Tag}} {{.CID}}', '--no-trunc')
  return Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ') as [string, string]),
  )
}

/** What a save gives, on a node that knows nothing of it. */
async function rootOf(image: TestImage): Promise<string> {
  const file = join(real.place.folder, 'root.tar')
  await Bun.write(file, archiveOci(image, 'plain'))
  const run = await real.engine(FIRST).ipfs(real.node('other'), 'save', '-q', '--no-cache', '-i', file)
  expect(run).toMatchObject({ exitCode: 0, stderr: '' })
  return run.stdout.trim()
}

describe.each(ENGINES)('docker push on %s', (name) => {
  const engine = () => real.engine(name)
  const repository = `user/${name}`
  async function push(image: TestImage, tag: string): Promise<void> {
    const id = await engine().give(image)
    await engine().docker('image', 'tag', id, `${door.host}/${repository}:${tag}`)
    await engine().docker('push', '-q', `${door.host}/${repository}:${tag}`)
  }

  test('gives the CID that a save gives, under the name that was pushed to', async () => {
    await push(version(`${name} 1`), '1')
    expect((await catalogue())[`${repository}:1`]).toBe(await rootOf(version(`${name} 1`)))
    expect(await real.node('node').pins()).toContain(await rootOf(version(`${name} 1`)))
  })

  test('sends what is new, and of what is there nothing', async () => {
    await push(version(`${name} 1`), '1')
    door.received()
    await push(version(`${name} 2`), '2')
    expect(door.received()).toBeLessThan(SMALL)
    expect((await catalogue())[`${repository}:2`]).toBe(await rootOf(version(`${name} 2`)))
    await engine().docker('push', '-q', `${door.host}/${repository}:2`)
    // The manifest alone.
    expect(door.received()).toBeLessThan(2000)
  })

  test('of what was pulled by its CID gives that CID, without a layer', async () => {
    const root = await rootOf(version(`${name} 3`))
    await push(version(`${name} 3`), '3')
    await engine().clear()
    await engine().docker('pull', '-q', `${door.host}/${root}`)
    await engine().docker('image', 'tag', `${door.host}/${root}`, `${door.host}/${repository}:back`)
    door.received()
    await engine().docker('push', '-q', `${door.host}/${repository}:back`)
    expect(door.received()).toBeLessThan(2000)
    expect((await catalogue())[`${repository}:back`]).toBe(root)
  })

  test('can be pulled again, after the garbage of the node was collected', async () => {
    const image = version(`${name} 4`)
    await push(image, '4')
    await engine().clear()
    await real.node('node').rpc('repo/gc')
    await engine().docker('pull', '-q', `${door.host}/${repository}:4`)
    const { diffIds } = await engine().contents(`${door.host}/${repository}:4`)
    expect(diffIds).toEqual(image.diffIds)
  })
})

describe('other clients', () => {
  let archive = ''
  let layout = ''
  const image = version('clients')
  let root = ''
  beforeAll(async () => {
    archive = join(real.place.folder, 'clients.tar')
    layout = join(real.place.folder, 'layout')
    await Bun.write(archive, archiveOci(image, 'gzip'))
    mkdirSync(layout)
    await Bun.write(join(layout, 'a.txt'), 'an artifact')
    root = await rootOf(image)
  })
  async function run(program: string, ...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await real.place.run('env', ['-C', layout, program, ...args])
    if (exitCode !== 0) throw new Error(`${program} ${args.join(' ')}: exit code ${exitCode}\n${stdout}${stderr}`)
    return stdout.trim()
  }

  test('skopeo pushes an image, and reads back what it pushed', async () => {
    const skopeo = (await script('skopeo')).trim()
    const to = `docker://${door.host}/skopeo:1`
    await run(skopeo, '--insecure-policy', 'copy', '--dest-tls-verify=false', `oci-archive:${archive}`, to)
    expect((await catalogue())['skopeo:1']).toBe(root)
    const raw = await run(skopeo, '--insecure-policy', 'inspect', '--raw', '--tls-verify=false', to)
    expect(JSON.parse(raw).layers[0].digest).toBe(digest(gzipSync(BASE)))
  })

  test('crane pushes an image, copies it and deletes it', async () => {
    const crane = (await script('go-tool', 'crane')).trim()
    const file = join(real.place.folder, 'docker.tar')
    await Bun.write(file, archiveOci(image, 'plain'))
    await run(crane, 'push', file, `${door.host}/crane:1`)
    expect((await catalogue())['crane:1']).toBe(root)
    const pushed = await run(crane, 'digest', `${door.host}/crane:1`)
    await run(crane, 'copy', `${door.host}/crane:1`, `${door.host}/crane/copy:2`)
    expect(await run(crane, 'digest', `${door.host}/crane/copy:2`)).toBe(pushed)
    expect((await catalogue())['crane/copy:2']).toBe(root)
    await run(crane, 'validate', '--remote', `${door.host}/crane:1`)
    await run(crane, 'delete', `${door.host}/crane@${pushed}`)
    expect((await catalogue())['crane:1']).toBeUndefined()
    expect((await catalogue())['crane/copy:2']).toBe(root)
  })

  test('regctl copies an image with all of its platforms', async () => {
    const regctl = (await script('go-tool', 'regctl')).trim()
    await run(regctl, 'registry', 'set', '--tls', 'disabled', door.host)
    const arm = { ...image, config: Buffer.from(image.config.toString().replace('amd64', 'arm64')) }
    const both = join(real.place.folder, 'both')
    for (const [tag, one] of [
      ['amd64', image],
      ['arm64', arm],
    ] as const) {
      const file = join(real.place.folder, `${tag}.tar`)
      await Bun.write(file, archiveOci(one, 'gzip'))
      await run(regctl, 'image', 'import', `ocidir://${both}:${tag}`, file)
    }
    await run(
      regctl,
      'index',
      'create',
      `ocidir://${both}:all`,
      '--ref',
      `ocidir://${both}:amd64`,
      '--ref',
      `ocidir://${both}:arm64`,
    )
    await run(regctl, 'image', 'copy', `ocidir://${both}:all`, `${door.host}/regctl:1`)
    const [saved] =
      (await real.engine(FIRST).ipfs(real.node('node'), 'inspect', 'regctl:1')).stdout.match(/arm64/) ?? []
    expect(saved).toBe('arm64')
    expect((await catalogue())['regctl:1']).not.toBe(root)
  })

  test('oras keeps an artifact, attaches another to it, and finds that', async () => {
    const oras = (await script('go-tool', 'oras')).trim()
    await run(oras, 'push', '--plain-http', `${door.host}/artifact:1`, 'a.txt:text/plain')
    await run(
      oras,
      'attach',
      '--plain-http',
      '--artifact-type',
      'example/sbom',
      `${door.host}/artifact:1`,
      'a.txt:text/plain',
    )
    expect(await run(oras, 'discover', '--plain-http', '--format', 'json', `${door.host}/artifact:1`)).toContain(
      'example/sbom',
    )
    await real.node('node').rpc('repo/gc')
    const out = join(real.place.folder, 'pulled')
    await run(oras, 'pull', '--plain-http', '-o', out, `${door.host}/artifact:1`)
    expect(await Bun.file(join(out, 'a.txt')).text()).toBe('an artifact')
    const rm = await real.engine(FIRST).ipfs(real.node('node'), 'rm', 'artifact:1')
    expect(rm).toMatchObject({ exitCode: 0, stdout: 'Untagged: artifact:1\n' })
  })
})

describe('a push that is broken off', () => {
  const tar = gzipSync(tarOf([{ path: 'big', body: bulk(8_000_000, 'big') }]))

  /** Begins an upload, sends a part of a layer, and does something; gives the status of the answer, 0 where none came. */
  async function broken(at: CompiledDoor, act: (stop: AbortController) => Promise<unknown>): Promise<number> {
    const begun = await fetch(`http://${at.host}/v2/broken/blobs/uploads/`, { method: 'POST' })
    const stop = new AbortController()
    const half = Promise.withResolvers<void>()
    async function* body() {
      yield tar.subarray(0, 3_000_000)
      half.resolve()
      await Bun.sleep(200)
      yield* rest()
    }
    async function* rest() {
      for (let bytes = 3_000_000; bytes < tar.length; bytes += 100_000) yield tar.subarray(bytes, bytes + 100_000)
    }
    const url = `http://${at.host}${begun.headers.get('location')}?digest=${digest(tar)}`
    const answer = fetch(url, { method: 'PUT', body: body(), signal: stop.signal }).then(
      ({ status }) => status,
      () => 0,
    )
    await half.promise
    await act(stop)
    return answer
  }

  test('by its client a hundred times leaves nothing, and the door still takes one', async () => {
    const pins = await real.node('node').pins()
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(Array.from({ length: 10 }, () => broken(door, async (stop) => stop.abort())))
    }
    expect(await real.node('node').pins()).toEqual(pins)
    expect((await fetch(`http://${door.host}/v2/broken/blobs/${digest(tar)}`, { method: 'HEAD' })).status).toBe(404)
    expect(await broken(door, async () => undefined)).toBe(201)
    const back = await fetch(`http://${door.host}/v2/broken/blobs/${digest(tar)}`)
    expect(digest(new Uint8Array(await back.arrayBuffer()))).toBe(digest(tar))
  })

  test('by the end of the node is told, names nothing, and works when the node is there again', async () => {
    const node = await real.startNode('doomed')
    const at = await startDoor(real.place, node)
    try {
      const status = await broken(at, async () => node.kill())
      expect(status === 0 || status >= 500).toBe(true)
      const gone = await fetch(`http://${at.host}/v2/broken/manifests/1`, { method: 'PUT', body: '{}' })
      expect(gone.status).toBeGreaterThanOrEqual(400)
      await node.restart()
      expect(await node.pins()).toEqual([])
      const engine = real.engine(FIRST)
      const id = await engine.give(version('doomed'))
      await engine.docker('image', 'tag', id, `${at.host}/doomed:1`)
      await engine.docker('push', '-q', `${at.host}/doomed:1`)
      expect(await node.pins()).toEqual([await rootOf(version('doomed'))])
    } finally {
      await at.stop()
    }
  })
})
