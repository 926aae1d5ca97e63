import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ENGINES } from '../support/engine.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { contentsOf, twoLayers } from '../support/images.ts'
import { useReal } from '../support/real.ts'

const IMAGE = twoLayers()

const NAME = ENGINES[0] ?? ''
const real = useReal({ engines: [NAME], nodes: ['node', 'far'] })
const node = () => real.node('node')
const engine = () => real.engine(NAME)
let root = ''
let gateway: TestGateway

/** Stands in front of the node's API and keeps what it is asked. */
const asked: string[] = []
const front = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  async fetch(request) {
    const { pathname, search } = new URL(request.url)
    asked.push(pathname + search)
    return fetch(`http://127.0.0.1:${node().port}${pathname}${search}`, { method: 'POST', body: await request.bytes() })
  },
})

beforeAll(async () => {
  gateway = await startGateway(node().gateway, (right) => right)
  await node().rpc(`config?arg=Addresses.Gateway&arg=/ip4/127.0.0.1/tcp/${new URL(gateway.url).port}`)
  root = await engine().save(node(), await engine().give(IMAGE))
})
beforeEach(() => engine().clear())
afterEach(() => {
  asked.length = 0
})
afterAll(() => {
  front.stop(true)
  gateway.close()
})

/** Loads the image; gives the parts of its layers that its API and its gateway were asked for. */
async function load() {
  const before = gateway.asked.length
  const run = await engine().ipfs({ api: `http://127.0.0.1:${front.port}` }, 'load', '-q', root)
  const byApi = asked.filter((url) => /\/cat\?.*&offset=/.test(url))
  const byGateway = gateway.asked.slice(before).filter(({ url }) => url.includes('/blobs/sha256/'))
  return { run, byApi, byGateway }
}

/** The largest block of the node: a leaf of the image. */
function largestBlock(): string {
  const blocks = join(node().repo, 'blocks')
  const files = readdirSync(blocks, { recursive: true, encoding: 'utf8' })
    .map((name) => ({ path: join(blocks, name), size: statSync(join(blocks, name)).size }))
    .filter(({ path }) => path.endsWith('.data'))
  return files.sort((a, b) => b.size - a.size)[0]?.path ?? ''
}

describe('the repository of a node on this machine', () => {
  test('is where the layers of an image that it has are read', async () => {
    const { run, byApi, byGateway } = await load()
    expect(run).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await engine().onlyContents()).toEqual(contentsOf(IMAGE))
    expect([byApi, byGateway]).toEqual([[], []])
  })

  test('is not looked for where the node does not say where it is: then it is the gateway', async () => {
    const { run, byApi, byGateway } = await node().withoutDisk(load)
    expect(run).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await engine().onlyContents()).toEqual(contentsOf(IMAGE))
    expect(byApi).toEqual([])
    expect(byGateway).toHaveLength(2)
  })

  test("is not read from where it is another node's", async () => {
    const { run, byGateway } = await node().withDiskOf(real.node('far'), load)
    expect(run).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await engine().onlyContents()).toEqual(contentsOf(IMAGE))
    expect(byGateway).toHaveLength(2)
  })

  test('that has lost a block gives the others, and the node gets it from elsewhere', async () => {
    await node().connect(real.node('far'))
    expect((await engine().ipfs(real.node('far'), 'load', '-q', root)).exitCode).toBe(0)
    await engine().clear()
    rmSync(largestBlock())
    const { run, byApi, byGateway } = await load()
    expect(run).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await engine().onlyContents()).toEqual(contentsOf(IMAGE))
    expect(byApi.length).toBeGreaterThan(0)
    expect(byGateway).toEqual([])
  })
})
