import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { ENGINES } from '../support/engine.ts'
import { join, keepApart } from '../support/far.ts'
import { contentsOf, imageOf, noise } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { script } from '../support/scripts.ts'
import { tarOf } from '../support/tar.ts'
import { Toxiproxy, type Way } from '../support/toxiproxy.ts'

/** Some 500 blocks in two layers. */
const layer = (name: string) =>
  tarOf(Array.from({ length: 250 }, (_, at) => ({ path: `${name}/${at}`, body: noise(24_000, `${name} ${at}`) })))
const IMAGE = imageOf([layer('one'), layer('two')])
const SIZE = 12_000_000

const real = useReal({ engines: ENGINES, nodes: ['far', 'near'] })
const [far, near] = [() => real.node('far'), () => real.node('near')]
const proxy = { way: undefined as unknown as Way, toxiproxy: undefined as unknown as Toxiproxy }
let root = ''

const connect = () => join(near(), far(), proxy.way)

const fetched = () => near().fetched()

async function fetchedAtLeast(bytes: number): Promise<void> {
  while ((await fetched()) < bytes) await Bun.sleep(20)
}

beforeAll(async () => {
  proxy.toxiproxy = await Toxiproxy.start((await script('toxiproxy')).trim())
  proxy.way = await proxy.toxiproxy.way('far', Number(far().swarm.split('/')[4]))
  // 50 ms there and back, and 24 Mbit/s.
  await proxy.way.trouble({ latency: 25, rate: 3000 })
  await keepApart(near(), far(), proxy.way)
  const engine = real.engine(ENGINES[0] ?? '')
  root = await engine.save(far(), await engine.give(IMAGE))
})
afterAll(() => proxy.toxiproxy.stop())

describe.each([...new Set([ENGINES[0] ?? '', ENGINES.at(-1) ?? ''])])(
  '%s, far from the node with the image,',
  (name) => {
    const engine = () => real.engine(name)
    const load = (...flags: string[]) => engine().startIpfs(near(), ['load', '-q', ...flags, '--tag', 'far:1', root])
    const isThere = async () => {
      expect(await engine().contents('far:1')).toEqual(contentsOf(IMAGE))
      expect(await near().pins()).toEqual([root])
    }

    beforeEach(async () => {
      await engine().clear()
      await near().empty()
      // With a counter at zero, and no memory of who had what.
      await near().stop()
      await near().restart()
      await connect()
    })

    test('loads it, and no more comes over the wire than it has', async () => {
      expect(await load().finished).toMatchObject({ exitCode: 0, stderr: '' })
      await isThere()
      expect(await fetched()).toBeWithin(SIZE, 1.1 * SIZE)
    })

    test('loads it though the far node is killed in between and comes back', async () => {
      const running = load()
      await fetchedAtLeast(SIZE / 3)
      far().kill()
      await Bun.sleep(500)
      await far().restart()
      await connect()
      expect(await running.finished).toMatchObject({ exitCode: 0, stderr: '' })
      await isThere()
      expect(await fetched()).toBeLessThan(1.2 * SIZE)
    })

    test('stops with Ctrl-C while blocks come, keeps nothing, and goes on from there later', async () => {
      const stopped = await real.leavingNothing(async () => {
        const running = load()
        await fetchedAtLeast(SIZE / 3)
        running.signalAll('SIGINT')
        return running.finished
      })
      expect(stopped).toMatchObject({ exitCode: 130, stdout: '', stderr: 'cancelled\n' })
      expect(await engine().images()).toEqual([])
      expect(await near().pins()).toEqual([])
      const before = await fetched()
      await Bun.sleep(300)
      // What was on its way may still come, but no more is asked for.
      expect((await fetched()) - before).toBeLessThan(SIZE / 4)
      expect(await load().finished).toMatchObject({ exitCode: 0, stderr: '' })
      await isThere()
      expect(await fetched()).toBeLessThan(1.2 * SIZE)
    })

    test('says that nobody has it when the way is cut, keeps nothing, and goes on from there later', async () => {
      const cut = await real.leavingNothing(async () => {
        const running = load('--timeout', '3s')
        await fetchedAtLeast(SIZE / 3)
        await proxy.way.shut()
        return running.finished
      })
      expect(cut).toMatchObject({ exitCode: 4, stdout: '' })
      expect(cut.stderr).toStartWith(`ERROR: no node gave ${root} within 3 s\n`)
      await proxy.way.open()
      await connect()
      expect(await load().finished).toMatchObject({ exitCode: 0, stderr: '' })
      await isThere()
      expect(await fetched()).toBeLessThan(1.2 * SIZE)
    })
  },
)
