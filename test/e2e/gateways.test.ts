import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { ENGINES } from '../support/engine.ts'
import {
  adds,
  busy,
  cuts,
  empties,
  flips,
  honest,
  type Manner,
  others,
  page,
  redirects,
  stalls,
  startGateway,
  type TestGateway,
} from '../support/gateway.ts'
import { archiveOci, bulk, contentsOf, GOLDEN, GOLDEN_ROOTS, imageOf, noise } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { record } from '../support/recorder.ts'
import { tarOf } from '../support/tar.ts'

const real = useReal({ engines: [ENGINES[0] ?? ''], nodes: ['far'] })
const engine = () => real.engine(ENGINES[0] ?? '')
const far = () => real.node('far')
const NOWHERE = { api: '/ip4/127.0.0.1/tcp/1' }
const LARGE = GOLDEN.large()
const ROOT = GOLDEN_ROOTS.large
const opened: TestGateway[] = []

async function gateway(manner: Manner): Promise<TestGateway> {
  const one = await startGateway(far().gateway, manner)
  opened.push(one)
  return one
}

/** A load without a node. */
function load(gateways: readonly string[], ...args: string[]) {
  const flags = gateways.flatMap((url) => ['--gateway', url])
  return engine().ipfs(NOWHERE, 'load', '-q', '--timeout', '10s', ...flags, ...args, ROOT)
}

async function isThere(name: string): Promise<void> {
  expect(await engine().contents(name)).toEqual(contentsOf(LARGE))
}

async function saveTo(file: string, image: ReturnType<typeof imageOf>): Promise<string> {
  const path = `${real.place.folder}/${file}`
  await Bun.write(path, archiveOci(image, 'plain'))
  const saved = await real.place.run('docker', ['-H', 'unix:///nowhere.sock', 'ipfs', 'save', '-q', '-i', path], {
    env: { DOCKER_IPFS_API: far().api },
  })
  expect(saved).toMatchObject({ exitCode: 0, stderr: '' })
  return saved.stdout.trim()
}

beforeAll(async () => {
  expect(await saveTo('large.tar', LARGE)).toBe(ROOT)
})
beforeEach(() => engine().clear())
afterAll(() => {
  for (const one of opened) one.close()
})

describe('load without a node', () => {
  test('reads from Kubo, by its path, and says so', async () => {
    const { exitCode, stdout, stderr } = await engine().ipfs(
      NOWHERE,
      'load',
      '--gateway',
      `${far().gateway}/ipfs/`,
      '--tag',
      'large:1',
      ROOT,
    )
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'Loaded image: large:1\n' })
    const [first, , , ...rest] = stderr.split('\n')
    expect(first).toBe(`No IPFS node at http://127.0.0.1:1: asking ${far().gateway}`)
    expect(rest.at(-2)).toMatch(/^From gateways 5\.\d+MB; the engine had 0B$/)
    await isThere('large:1')
  })

  test('follows Kubo to the subdomain of the CID', async () => {
    const url = far().gateway.replace('127.0.0.1', 'localhost')
    expect((await fetch(`${url}/ipfs/${ROOT}?format=raw`, { redirect: 'manual' })).status).toBe(301)
    const env = { DOCKER_IPFS_GATEWAYS: ` ${url},${url} ` }
    const run = engine().startIpfs(NOWHERE, ['load', '-q', '--tag', 'large:1', ROOT], { env })
    expect(await run.finished).toMatchObject({ exitCode: 0, stderr: '' })
    await isThere('large:1')
  })

  test('fetches only the layers that the engine lacks', async () => {
    const shared = tarOf([{ path: 'base', body: noise(3_000_000, 'base') }])
    const [one, two] = ['1', '2'].map((name) => imageOf([shared, tarOf([{ path: 'v', body: Buffer.from(name) }])]))
    const roots = [await saveTo('1.tar', one as typeof LARGE), await saveTo('2.tar', two as typeof LARGE)]
    const way = await gateway(honest)
    const args = ['load', '--gateway', way.url]
    for (const root of roots) await engine().ipfs(NOWHERE, ...args, root)
    await engine().ipfs(NOWHERE, ...args, roots[0] as string)
    const classic = !engine().isContainerd
    const blobs = way.asked.filter(({ url }) => url.includes('blobs/sha256/') && /entity-bytes=0:3\d{6}&/.test(url))
    // Before Docker 28 a containerd store does not tell what it has.
    expect(blobs).toHaveLength(classic ? 1 : 2)
  })

  test.each([
    ['adds blocks that nobody asked for', adds],
    ['cuts each connection after 1.5 MB', cuts(1_500_000)],
    ['is busy at first, and says for how long', busy(3, '1')],
  ] as const)('loads the image from a gateway that %s', async (_, manner) => {
    const way = await gateway(manner)
    expect(await load([way.url], '--tag', 'large:1')).toMatchObject({ exitCode: 0, stderr: '' })
    await isThere('large:1')
  })

  test('asks for the rest alone when a gateway cuts in the middle of a layer', async () => {
    const way = await gateway(cuts(2_000_000))
    expect(await load([way.url])).toMatchObject({ exitCode: 0 })
    const starts = way.asked.flatMap(({ url }) => /entity-bytes=([1-9]\d+):5\d+/.exec(url)?.[1] ?? [])
    expect(starts.length).toBeGreaterThan(1)
    expect(Number(starts.at(-1))).toBeGreaterThan(3_000_000)
  })

  test('asks once for all documents, and then for the layers', async () => {
    const way = await gateway(honest)
    expect(await load([way.url], '--tag', 'large:1')).toMatchObject({ exitCode: 0, stderr: '' })
    const paths = way.asked.map(({ url }) => /^\/ipfs\/\w+\/([\w.]+)/.exec(url)?.[1])
    // One for each layer: they are small.
    expect(paths).toEqual(['image.tar', ...LARGE.diffIds.map(() => 'blobs')])
  })

  test('loads the image from a gateway that has no image.tar', async () => {
    const way = await gateway((right, { url }) => (url.includes('/image.tar') ? { ...right, status: 404 } : right))
    expect(await load([way.url], '--tag', 'large:1')).toMatchObject({ exitCode: 0, stderr: '' })
    await isThere('large:1')
  })

  test('sends no cookie, no password and no referrer, and asks for nothing packed', async () => {
    const way = await gateway(honest)
    await load([way.url])
    const names = [...new Set(way.asked.flatMap(({ headers }) => Object.keys(headers)))].sort()
    expect(names).toEqual(['accept', 'accept-encoding', 'connection', 'host', 'user-agent'])
    expect(way.asked[0]?.headers['accept-encoding']).toBe('identity')
  })

  const LIARS = [
    ['flips a bit', flips, 5],
    ['sends blocks of something else', others, 5],
    ['sends empty blocks without end', empties, 5],
    ['sends a web page', page, 5],
    ['redirects for ever', redirects(({ url }) => url), 4],
    ['redirects to a file', redirects(() => 'file:///etc/passwd'), 4],
    ['stalls', stalls(100), 4],
    ['is busy for an hour', busy(1e9, '3600'), 4],
  ] as const

  test.each(LIARS)('loads nothing from a gateway that %s, and says why', async (_, manner, exitCode) => {
    const way = await gateway(manner)
    const failed = await real.leavingNothing(() => load([way.url], '--timeout', '3s'))
    expect(failed).toMatchObject({ exitCode, stdout: '' })
    expect(failed.stderr).toMatch(new RegExp(`^ERROR: no gateway gave \\S+ \\(${way.url}: .+\\)\nGive other gateways`))
  })

  test.each(LIARS)('loads the image though one of two gateways %s', async (_, manner) => {
    const [bad, good] = [await gateway(manner), await gateway(honest)]
    expect(await load([bad.url, good.url], '--tag', 'large:1')).toMatchObject({ exitCode: 0, stderr: '' })
    await isThere('large:1')
    expect(bad.asked.length).toBeGreaterThan(0)
  })

  test('loads the image though one of two gateways is dead', async () => {
    const loaded = await load(['http://127.0.0.1:1', far().gateway], '--tag', 'large:1')
    expect(loaded).toMatchObject({ exitCode: 0, stderr: '' })
    await isThere('large:1')
  })

  test('says that no gateway has it', async () => {
    const nobody = 'bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'
    const args = ['load', '-q', '--timeout', '3s', '--gateway', 'http://127.0.0.1:1', nobody]
    const failed = await engine().ipfs(NOWHERE, ...args)
    expect(failed).toMatchObject({ exitCode: 4, stdout: '' })
    expect(failed.stderr).toStartWith(`ERROR: no gateway gave ${nobody} (http://127.0.0.1:1: connection refused)\n`)
  })

  test.each([
    ['ipfs.io', 'cannot read the gateway\'s address "ipfs.io" (from --gateway)'],
    ['ftp://x', 'cannot read the gateway\'s address "ftp://x" (from --gateway)'],
    [
      'http://me:secret@x',
      'the gateway at x is given with a user name or password (from --gateway), which are not sent',
    ],
  ])('refuses the address %p', async (url, words) => {
    const { exitCode, stdout, stderr } = await load([url])
    expect({ exitCode, stdout, first: stderr.split('\n')[0] }).toEqual({
      exitCode: 125,
      stdout: '',
      first: `ERROR: ${words}`,
    })
    expect(stderr).not.toContain('secret')
  })
})

test('nothing but the right bytes reaches the engine, as far as a gateway told the truth', async () => {
  const root = await saveTo('bulk.tar', imageOf([tarOf([{ path: 'bulk', body: bulk(20_000_000, 'bulk') }])]))
  const sent: Buffer[] = []
  const lies: Manner = (right, asked, to) => (/=[1-9]\d*:/.test(asked.url) ? flips(right, asked, to) : right)
  for (const [manner, exitCode] of [
    [lies, 5],
    [honest, 0],
  ] as const) {
    const [way, recorder] = [await gateway(manner), await record(`${real.place.folder}/recorded.sock`, engine().socket)]
    const args = ['load', '-q', '--timeout', '10s', '--gateway', way.url, root]
    expect(
      await engine()
        .behind(recorder)
        .ipfs(NOWHERE, ...args),
    ).toMatchObject({ exitCode })
    sent.push(recorder.bodyOf('/images/load'))
    recorder.close()
    expect(await engine().images()).toHaveLength(exitCode === 0 ? 1 : 0)
  }
  const [cut, whole] = sent as [Buffer, Buffer]
  expect(cut.length).toBeWithin(1_000_000, whole.length - 1_000_000)
  expect(cut.equals(whole.subarray(0, cut.length))).toBe(true)
})

describe('load with a node that finds nobody', () => {
  test('asks a gateway beside it, says so, and says where the bytes were', async () => {
    const near = await real.startNode('near')
    const args = ['load', '--timeout', '10s', '--gateway', far().gateway, '--tag', 'large:1', ROOT]
    const { exitCode, stderr } = await engine().ipfs(near, ...args)
    expect(exitCode).toBe(0)
    expect(stderr).toContain(`\nThe node finds nobody who has ${ROOT}: asking ${far().gateway}\n`)
    expect(stderr).toContain(
      'WARNING: the image is loaded, but the node could not pin it: no block came for too long\n',
    )
    expect(stderr).toMatch(/\nFrom gateways 5\.\d+MB, from the network 0B, on the node 0B; the engine had 0B\n/)
    await isThere('large:1')
    expect(await near.pins()).toEqual([])
  })

  test('leaves gateways alone where the node has the image', async () => {
    const way = await gateway(honest)
    const loaded = await engine().ipfs(far(), 'load', '-q', '--gateway', way.url, '--tag', 'large:1', ROOT)
    expect(loaded).toMatchObject({ exitCode: 0, stderr: '' })
    expect(way.asked).toEqual([])
  })
})
