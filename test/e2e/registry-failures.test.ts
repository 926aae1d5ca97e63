import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { mkdirSync } from 'node:fs'
import { type CompiledDoor, startDoor } from '../support/compiled-door.ts'
import { ENGINES } from '../support/engine.ts'
import { startGateway } from '../support/gateway.ts'
import { archiveOci, contentsOf, imageOf, noise, type TestImage } from '../support/images.ts'
import type { KuboNode } from '../support/kubo-node.ts'
import type { Running } from '../support/place.ts'
import { useReal } from '../support/real.ts'
import { freePort, type Relay, relay, type Stall } from '../support/relay.ts'
import { run, script, stateOfNode } from '../support/scripts.ts'
import { tarOf } from '../support/tar.ts'

// What engines say when the front door, the node behind it or its disk fails in the middle, and what is left of it.

const FIRST = ENGINES[0] ?? ''
const real = useReal({ engines: ENGINES, nodes: ['node'] })
const node = () => real.node('node')
const imageFor = (name: string): TestImage =>
  imageOf([
    tarOf([{ path: 'data', body: noise(20 * 1024 * 1024, name) }]),
    tarOf([{ path: name, body: Buffer.from(name) }]),
  ])
/** In the middle of such an image. */
const MIDDLE = 8 * 1024 * 1024
const doors: CompiledDoor[] = []
const relays: Relay[] = []

beforeEach(() => Promise.all(ENGINES.map((name) => real.engine(name).clear())))
afterEach(async () => {
  for (const relayed of relays.splice(0)) relayed.close()
  await Promise.all(doors.splice(0).map((door) => door.stop()))
})

async function open(at: { readonly api: string }, flags: readonly string[] = [], port?: number): Promise<CompiledDoor> {
  const door = await startDoor(real.place, at, flags, port)
  doors.push(door)
  return door
}

/** A door whose node stands still in the middle of an image. */
async function stalling(of: KuboNode, from: Stall['from']): Promise<{ door: CompiledDoor; middle: Relay }> {
  const middle = await relay({ port: await freePort() }, { port: of.port }, { from, after: MIDDLE })
  relays.push(middle)
  return { door: await open(middle), middle }
}

async function save(image: TestImage, name: string): Promise<string> {
  const file = `${real.place.folder}/save.tar`
  await Bun.write(file, archiveOci(image, 'plain'))
  const saved = await real.engine(FIRST).ipfs(node(), 'save', '-q', '-i', file)
  expect(saved).toMatchObject({ exitCode: 0, stderr: '' })
  const root = saved.stdout.trim()
  expect(await real.engine(FIRST).ipfs(node(), 'tag', root, name)).toMatchObject({ exitCode: 0 })
  return root
}

const names = async (of: KuboNode) =>
  (await real.engine(FIRST).ipfs(of, 'ls', '--format', '{{.Repository}}:{{.Tag}}')).stdout.split('\n').filter(Boolean)

describe.each(ENGINES)('%s', (name) => {
  const engine = () => real.engine(name)

  async function pushes(to: string, image: TestImage) {
    const id = await engine().give(image)
    await engine().docker('image', 'tag', id, to)
    return real.place.start('docker', ['-H', engine().host, 'push', '-q', to])
  }

  /** A docker that is interrupted may end with 0 all the same. */
  async function hasFailed({ finished }: Running): Promise<void> {
    const { exitCode } = await finished
    if (engine().isContainerd) expect(exitCode).not.toBe(0)
  }

  test('pushes in vain when the front door is killed, and then to the next one', async () => {
    const image = imageFor(`push ${name}`)
    const before = await names(node())
    const { door, middle } = await stalling(node(), 'caller')
    const push = await pushes(`${door.host}/killed:${name}`, image)
    await middle.reached
    await door.kill()
    middle.cut()
    // A classic engine would come again for 50 s.
    if (!engine().isContainerd) push.signalAll('SIGINT')
    await hasFailed(push)
    // A layer that was whole may be kept for an hour, until its manifest comes.
    expect(await names(node())).toEqual(before)
    await open(node(), [], door.port)
    await engine().docker('push', '-q', `${door.host}/killed:${name}`)
    expect(await names(node())).toContain(`killed:${name}`)
  })

  test('pulls in vain when the front door is killed, and then from the next one', async () => {
    const image = imageFor(`pull ${name}`)
    await save(image, `pulled:${name}`)
    const reference = await node().byApiAlone(async () => {
      const { door, middle } = await stalling(node(), 'called')
      const pull = real.place.start('docker', ['-H', engine().host, 'pull', '-q', `${door.host}/pulled:${name}`])
      await middle.reached
      await door.kill()
      middle.cut()
      // A classic engine would come again for 50 s.
      if (!engine().isContainerd) pull.signalAll('SIGINT')
      await hasFailed(pull)
      await open(node(), [], door.port)
      return `${door.host}/pulled:${name}`
    })
    expect(await engine().images()).toEqual([])
    await engine().docker('pull', '-q', reference)
    expect(await engine().contents(reference)).toEqual(contentsOf(image))
  })

  test('pushes in vain when the node is killed, and then to one that is back', async () => {
    const image = imageFor(`node ${name}`)
    const victim = await real.startNode('victim')
    const { door, middle } = await stalling(victim, 'caller')
    const push = await pushes(`${door.host}/victim:1`, image)
    await middle.reached
    victim.kill()
    middle.cut()
    if (!engine().isContainerd) push.signalAll('SIGINT')
    await hasFailed(push)
    await door.stop()
    await victim.restart()
    expect(await names(victim)).toEqual([])
    await open(victim, [], door.port)
    await engine().docker('push', '-q', `${door.host}/victim:1`)
    expect(await names(victim)).toEqual(['victim:1'])
  })
})

test.each(ENGINES.filter((name) => !name.endsWith('-ctr')))(
  '%s goes on pulling when the front door comes again',
  async (name) => {
    const engine = () => real.engine(name)
    const image = imageFor(`again ${name}`)
    await save(image, `again:${name}`)
    await node().byApiAlone(async () => {
      const { door, middle } = await stalling(node(), 'called')
      const pull = real.place.start('docker', ['-H', engine().host, 'pull', '-q', `${door.host}/again:${name}`])
      await middle.reached
      await door.kill()
      middle.cut()
      await open(node(), [], door.port)
      expect(await pull.finished).toMatchObject({ exitCode: 0 })
      expect(await engine().contents(`${door.host}/again:${name}`)).toEqual(contentsOf(image))
    })
  },
)

test.each(ENGINES)('%s waits for a source that says nothing for 12 s, and asks once', async (name) => {
  const engine = real.engine(name)
  const image = imageFor(`slow ${name}`)
  await save(image, `slow:${name}`)
  await node().byApiAlone(async () => {
    const { door, middle } = await stalling(node(), 'called')
    const pull = real.place.start('docker', ['-H', engine.host, 'pull', '-q', `${door.host}/slow:${name}`])
    await middle.reached
    await Bun.sleep(12_000)
    middle.release()
    expect(await pull.finished).toMatchObject({ exitCode: 0 })
    expect(await engine.contents(`${door.host}/slow:${name}`)).toEqual(contentsOf(image))
    const blobs = door.requests.filter(({ method, path }) => method === 'GET' && path.includes('/blobs/'))
    expect(new Set(blobs.map(({ path }) => path)).size).toBe(blobs.length)
  })
})

test('an engine that pulls from a lying gateway gets no image', async () => {
  const image = imageFor('lying')
  const root = await save(image, 'lying:1')
  const wrong = await startGateway(node().gateway, (right, { url }) => {
    // The first look of a door at an image, for its documents, is answered as it should be.
    if (url.includes('entity-bytes=0:16383') || right.body.length < 100_000) return right
    const body = Buffer.from(right.body)
    body[body.length - 1000] = (body.at(-1000) ?? 0) ^ 1
    return { ...right, body }
  })
  const empty = await real.startNode('empty')
  const door = await open(empty, ['--gateway', wrong.url, '--timeout', '10s'])
  for (const name of ENGINES) {
    const pulled = await real.place.run('docker', ['-H', real.engine(name).host, 'pull', '-q', `${door.host}/${root}`])
    expect(pulled.exitCode).toBe(1)
    expect(pulled.stderr).toContain('no gateway gave')
    expect(await real.engine(name).images()).toEqual([])
  }
  expect([await names(empty), await empty.pins()]).toEqual([[], []])
  wrong.close()
})

describe('a node whose disk is full', () => {
  const folder = stateOfNode('full-door')
  let full: KuboNode
  beforeAll(async () => {
    mkdirSync(folder, { recursive: true })
    run('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', folder])
    full = await real.startNode('full-door')
  })
  afterAll(async () => {
    await script('node', 'stop', 'full-door')
    run('umount', ['--lazy', folder])
  })

  test.each(ENGINES)('says so to a push from %s, keeps nothing, and takes what there is room for', async (name) => {
    const engine = real.engine(name)
    const door = await open(full)
    const large = imageOf([tarOf([{ path: 'data', body: noise(40 * 1024 * 1024, 'full') }])])
    await engine.docker('image', 'tag', await engine.give(large), `${door.host}/large:1`)
    const pushed = await real.place.run('docker', ['-H', engine.host, 'push', '-q', `${door.host}/large:1`])
    expect(pushed.exitCode).toBe(1)
    expect(pushed.stderr).toMatch(
      engine.name === 'docker26-ctr' ? /403 Forbidden/ : /the disk of the IPFS node is full/,
    )
    expect([await names(full), await full.pins()]).toEqual([[], []])
    await full.rpc('repo/gc')
    const small = imageOf([tarOf([{ path: 'small', body: Buffer.from(name) }])])
    await engine.docker('image', 'tag', await engine.give(small), `${door.host}/small:1`)
    await engine.docker('push', '-q', `${door.host}/small:1`)
    expect(await names(full)).toEqual(['small:1'])
    await full.empty()
  })
})
