import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { ENGINES } from '../support/engine.ts'
import { type Manner, startGateway, type TestGateway } from '../support/gateway.ts'
import { contentsOf, twoLayers } from '../support/images.ts'
import { useReal } from '../support/real.ts'

const IMAGE = twoLayers()

const NAME = ENGINES[0] ?? ''
const real = useReal({ engines: [NAME], nodes: ['node', 'far'] })
const node = () => real.node('node')
const engine = () => real.engine(NAME)
let root = ''
let gateway: TestGateway | undefined

/** Where the node says that its gateway is. */
const say = (url: string) => node().rpc(`config?arg=Addresses.Gateway&arg=/ip4/127.0.0.1/tcp/${new URL(url).port}`)

beforeAll(async () => {
  root = await engine().save(node(), await engine().give(IMAGE))
})
beforeEach(() => engine().clear())
afterEach(async () => {
  gateway?.close()
  await say(node().gateway)
})

/** Loads the image while the node says that its gateway is this one, in front of a real one. */
async function load(manner: Manner, upstream = node().gateway) {
  gateway = await startGateway(upstream, manner)
  await say(gateway.url)
  const run = await node().withoutDisk(() => engine().ipfs(node(), 'load', '-q', root))
  const files = gateway.asked.filter(({ url }) => url.includes('/blobs/sha256/'))
  return { run, asked: gateway.asked, files }
}

/** Right but for files of some size. */
const spoils =
  (spoil: Manner): Manner =>
  (right, asked, to) =>
    asked.url.includes('/blobs/sha256/') ? spoil(right, asked, to) : right

describe('the gateway of a node on this machine', () => {
  test('is where the layers of an image that it has are read', async () => {
    const { run, asked, files } = await load((right) => right)
    expect(run).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await engine().onlyContents()).toEqual(contentsOf(IMAGE))
    // In the order in which the engine wants them.
    expect(files.map(({ headers }) => headers.range).toSorted()).toEqual([
      expect.stringMatching(/^bytes=0-4\d{5}$/),
      expect.stringMatching(/^bytes=0-6\d{5}$/),
    ])
    expect(asked.filter(({ headers }) => headers['cache-control'] === 'only-if-cached')).toHaveLength(1)
  })

  test("is not read from where it is another node's", async () => {
    const { run, asked, files } = await load((right) => right, real.node('far').gateway)
    expect(run).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await engine().onlyContents()).toEqual(contentsOf(IMAGE))
    expect(asked).toHaveLength(1)
    expect(files).toEqual([])
  })

  test.each<[string, Manner]>([
    ['refuses', (right) => ({ ...right, status: 500 })],
    ['gives half of it', (right) => ({ ...right, body: right.body.subarray(0, right.body.length / 2) })],
    [
      'hangs up halfway',
      (right, _, to) => {
        to.writeHead(206, { 'content-length': right.body.length })
        to.write(right.body.subarray(0, 200_000), () => setTimeout(() => to.destroy(), 50))
        return undefined
      },
    ],
  ])('that %s is made up for by its API', async (_, manner) => {
    const { run, files } = await load(spoils(manner))
    expect(run).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await engine().onlyContents()).toEqual(contentsOf(IMAGE))
    expect(files.length).toBeGreaterThan(0)
  })

  test('that gives wrong bytes brings no image into the engine', async () => {
    const flip: Manner = (right) => {
      const body = Buffer.from(right.body)
      body[1000] = (body[1000] as number) ^ 1
      return { ...right, body }
    }
    const { run } = await load(spoils(flip))
    expect(run.exitCode).toBe(5)
    expect(await engine().images()).toEqual([])
  })
})
