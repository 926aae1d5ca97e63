import { afterAll, beforeAll, expect, test } from 'bun:test'
import { ENGINES } from '../support/engine.ts'
import { join, keepApart } from '../support/far.ts'
import { contentsOf, imageOf, noise } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { script } from '../support/scripts.ts'
import { tarOf } from '../support/tar.ts'
import { Toxiproxy } from '../support/toxiproxy.ts'

const SIZE = 480_000
/** Some 20 blocks. At 30 kB/s they take 16 s; they come in any order, and the first of the layer often as one of the last. */
const IMAGE = imageOf([
  tarOf(Array.from({ length: 20 }, (_, at) => ({ path: `${at}`, body: noise(SIZE / 20, `slow ${at}`) }))),
])
const RATE = 30

const real = useReal({ engines: ENGINES.slice(0, 1), nodes: ['far', 'near'] })
const [far, near] = [() => real.node('far'), () => real.node('near')]
let toxiproxy: Toxiproxy
beforeAll(async () => {
  toxiproxy = await Toxiproxy.start((await script('toxiproxy')).trim())
  const way = await toxiproxy.way('far', Number(far().swarm.split('/')[4]))
  await way.trouble({ rate: RATE })
  await keepApart(near(), far(), way)
  await join(near(), far(), way)
})
afterAll(() => toxiproxy.stop())

test('an image that comes slowly is waited for, and not asked for anew', async () => {
  const engine = real.engine(ENGINES[0] ?? '')
  const root = await engine.save(far(), await engine.give(IMAGE))
  await engine.clear()
  const load = engine.startIpfs(near(), ['load', '-q', '--timeout', '10s', '--tag', 'slow:1', root])
  expect(await load.finished).toMatchObject({ exitCode: 0, stderr: '' })
  expect(await engine.contents('slow:1')).toEqual(contentsOf(IMAGE))
  expect(await near().fetched()).toBeWithin(SIZE, 1.1 * SIZE)
}, 60_000)
