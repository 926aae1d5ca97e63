import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { type Dns, startDns } from '../support/dns.ts'
import { ENGINES } from '../support/engine.ts'
import { bulk, digest, imageOf } from '../support/images.ts'
import type { KuboNode } from '../support/kubo-node.ts'
import { useReal } from '../support/real.ts'
import { tarOf } from '../support/tar.ts'

const [FIRST = '', SECOND = FIRST] = [ENGINES[0], ENGINES.at(-1)]
const real = useReal({ engines: [...new Set([FIRST, SECOND])], nodes: ['shop', 'home'] })
const shop = () => real.node('shop')
const home = () => real.node('home')
const atShop = (...args: string[]) => real.engine(FIRST).ipfs(shop(), ...args)
const atHome = (...args: string[]) => real.engine(SECOND).ipfs(home(), ...args)

const base = tarOf([{ path: 'usr/lib/base', body: bulk(200_000, 'base') }])
const version = (number: number) => imageOf([base, tarOf([{ path: 'app', body: bulk(50_000, `app ${number}`) }])])
const roots: string[] = []
let dns: Dns

/** Two nodes that are each other's DHT. */
async function joins(node: KuboNode, resolver: string): Promise<void> {
  await node.stop()
  await node.configure((config) => {
    config['Routing'] = { Type: 'dhtserver', LoopbackAddressesOnLanDHT: true }
    Object.assign(config['Provide'] ?? {}, { Enabled: true })
    config['DNS'] = { Resolvers: { '.': resolver } }
  })
  await node.restart()
}

async function makeKey(name: string): Promise<string> {
  const run = await atShop('key', 'gen', name)
  expect(run).toMatchObject({ exitCode: 0, stderr: '' })
  expect(run.stdout).toMatch(/^k51[a-z0-9]{59}\n$/)
  return run.stdout.trimEnd()
}

/** Runs a command that must work, and gives its stdout. */
async function works(run: ReturnType<typeof atShop>): Promise<string> {
  const { exitCode, stdout, stderr } = await run
  if (exitCode !== 0) throw new Error(stderr)
  return stdout.trimEnd()
}

/** What the node itself says that a name stands for. */
async function standsFor(key: string, node = shop()): Promise<string> {
  const { Path } = JSON.parse(await node.rpc(`name/resolve?arg=/ipns/${key}&nocache=true`)) as { Path: string }
  return Path.replace('/ipfs/', '')
}

interface Catalogue {
  readonly sequence: number
  readonly previous: string | null
  readonly images: readonly { readonly name: string; readonly tag: string; readonly cid: string }[]
}

/** catalogue.json of a publication, without the plugin. Fails where a block of the publication is not on the node. */
async function whole(root: string): Promise<Catalogue> {
  await shop().rpc(`refs?arg=${root}&recursive=true&unique=true&offline=true`)
  return read(root)
}

async function read(root: string): Promise<Catalogue> {
  return JSON.parse(await shop().rpc(`cat?arg=${root}/catalogue.json&offline=true`)) as Catalogue
}

const tagsOf = ({ images }: Catalogue) => images.map(({ name, tag }) => `${name.split('/').at(-1)}:${tag}`)

beforeAll(async () => {
  const engine = real.engine(FIRST)
  for (const number of [1, 2, 3]) {
    await engine.docker('tag', await engine.give(version(number)), `shop:${number}`)
    roots.push(await engine.save(shop(), `shop:${number}`))
  }
  const key = await makeKey('site')
  dns = await startDns({
    '_dnslink.shop.example.org': `dnslink=/ipns/${key}`,
    '_dnslink.one.example.org': `dnslink=/ipfs/${roots[0]}`,
  })
  await Promise.all([joins(shop(), dns.url), joins(home(), dns.url)])
  await home().connect(shop())
})
afterAll(() => dns.close())
beforeEach(() => real.engine(SECOND).clear())

describe('an image that is published', () => {
  test('is pulled by its IPNS name on another node and engine, under its own name', async () => {
    const run = await atShop('publish')
    expect(run.stdout).toMatch(/^ipns:\/\/k51[a-z0-9]{59}\n$/)
    expect(run.stderr).toMatch(/^Publication 1: bafybei\S+, 3 images$/m)
    const pulled = await atHome('pull', `${run.stdout.trimEnd()}/shop:2`)
    expect(pulled).toMatchObject({ exitCode: 0 })
    expect(pulled.stdout.split('\n')).toEqual([
      `Digest: ${digest(version(2).config)}`,
      `CID: ${roots[1]}`,
      'Status: Downloaded newer image for shop:2',
      'docker.io/library/shop:2',
      '',
    ])
    const { config, diffIds } = version(2)
    expect(await real.engine(SECOND).contents('shop:2')).toEqual({ config: digest(config), diffIds })
    expect(await works(atHome('ls', '-q', 'shop:2'))).toBe(roots[1] ?? '')
    const again = await atHome('pull', `${run.stdout.trimEnd()}/shop:2`)
    expect(again.stdout).toContain('\nStatus: Image is up to date for shop:2\n')
    expect(again.stderr).toStartWith('shop:2 has not moved since the last pull\n')
  })

  test('is what any other IPFS tool finds at its name', async () => {
    const key = (await works(atShop('publish', '-q'))).replace('ipns://', '')
    const path = `/ipns/${key}/images/docker.io/library/shop:1`
    const { Path } = JSON.parse(await home().rpc(`resolve?arg=${path}`)) as { Path: string }
    expect(Path).toBe(`/ipfs/${roots[0]}`)
    const at = `${shop().gateway}/ipns/${key}`
    expect(await (await fetch(`${at}/`)).text()).toContain(roots[2] ?? '?')
    expect(((await (await fetch(`${at}/catalogue.json`)).json()) as Catalogue).images.map(({ cid }) => cid)).toEqual(
      roots,
    )
  })

  test('is found by its DNSLink, and by the address of one at a gateway', async () => {
    await works(atShop('publish', '--key', 'site', 'shop'))
    expect(await works(atHome('pull', '-q', '/ipns/shop.example.org/shop:3'))).toBe('docker.io/library/shop:3')
    expect(await real.engine(SECOND).images()).toHaveLength(1)
    for (const reference of [
      'ipns://shop.example.org/shop:3',
      'https://gateway.example/ipns/shop.example.org/images/docker.io/library/shop:3',
      'https://shop-example-org.ipns.gateway.example/shop:3',
    ]) {
      expect(await works(atHome('resolve', reference))).toBe(roots[2] ?? '')
    }
    expect(await works(atHome('resolve', 'ipns://one.example.org'))).toBe(roots[0] ?? '')
    const none = await atHome('resolve', '--timeout', '20s', 'ipns://none.example.org/shop')
    expect(none).toMatchObject({ exitCode: 4, stdout: '' })
    expect(none.stderr).toStartWith('ERROR: the name none.example.org cannot be found (')
  })

  test('is pulled with all tags, with another name, and without one', async () => {
    const name = await works(atShop('publish', '-q'))
    const all = ['1', '2', '3'].map((tag) => `docker.io/library/shop:${tag}`)
    expect((await works(atHome('pull', '-q', '-a', `${name}/shop`))).split('\n')).toEqual(all)
    expect(await works(atHome('pull', '-q', '--tag', 'mine:1', `${name}/shop:1`))).toBe('docker.io/library/mine:1')
    await real.engine(SECOND).clear()
    expect(await works(atHome('pull', '-q', '--no-tag', `${name}/shop:1`))).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(await real.engine(SECOND).images()).toEqual([expect.stringMatching(/<none>:<none>$/)])
    // Where it has a name on the node, a plain CID has that.
    expect(await works(atHome('pull', '-q', roots[1] ?? ''))).toBe('docker.io/library/shop:2')
  })

  test('stays as long as it is published, whatever rm and GC do; and then its number and what it said', async () => {
    const key = await makeKey('keeps')
    await works(atShop('tag', 'shop:1', 'old:1'))
    await works(atShop('publish', '--key', 'keeps', 'shop:1', 'old'))
    const first = await standsFor(key)
    await works(atShop('push', '-q', '--publish', '--key', 'keeps', 'shop:2'))
    const second = await standsFor(key)
    expect(tagsOf(await whole(second))).toEqual(['old:1', 'shop:1', 'shop:2'])
    await shop().rpc('repo/gc')
    expect(await read(first)).toMatchObject({ sequence: 1, previous: null })
    expect(await whole(second)).toMatchObject({ sequence: 2, previous: first })
    expect(await works(atHome('resolve', `ipfs://${first}/old:1`))).toBe(roots[0] ?? '')
  })
})

describe('what was published under a name', () => {
  let key = ''
  const cids: string[] = []

  beforeAll(async () => {
    key = await makeKey('goes-on')
    const steps = [
      ['shop:1', 'walk:1'],
      ['shop:2', 'walk:1'],
      ['shop:3', 'beside:1'],
      ['shop:1', 'walk:1'],
    ] as const
    for (const [image, name] of steps) {
      await works(atShop('tag', image, name))
      await works(atShop('publish', '--key', 'goes-on', name))
      cids.unshift(await standsFor(key))
    }
    await shop().rpc('repo/gc')
  })

  test('is listed, the newest first, on the node that published it and on another', async () => {
    expect(await works(atShop('published', '--format', '{{.Sequence}} {{.Images}} {{.CID}}', `ipns://${key}`))).toBe(
      [`4 2 ${cids[0]}`, `3 2 ${cids[1]}`, `2 1 ${cids[2]}`, `1 1 ${cids[3]}`].join('\n'),
    )
    expect(await works(atHome('published', '-q', `ipns://${key}`))).toBe(cids.join('\n'))
  })

  test('is listed for an image: when it came to be which', async () => {
    const lines = await works(atHome('published', '--format', '{{.Sequence}} {{.CID}}', `ipns://${key}/walk:1`))
    expect(lines).toBe([`4 ${roots[0]}`, `2 ${roots[1]}`, `1 ${roots[0]}`].join('\n'))
    expect(await works(atHome('published', '-q', `ipns://${key}/beside:1`))).toBe(roots[2] ?? '')
  })

  test.each([
    ['shop:1', 1, 'ERROR: "shop:1" is no name under which images are published'],
    ['ipns://KEY/nothing:1', 4, 'ERROR: the catalogue bafybei'],
    ['ipns://KEY/No Name', 1, 'ERROR: '],
  ])('cannot be had of %s', async (reference, exitCode, words) => {
    const run = await atShop('published', reference.replace('KEY', key))
    expect(run).toMatchObject({ exitCode, stdout: '' })
    expect(run.stderr).toStartWith(words)
  })

  test('is listed as far as anybody has it', async () => {
    await shop().rpc(`files/rm?arg=/docker-ipfs/published/${key}/before/3&recursive=true`)
    for (const node of [shop(), home()]) await node.rpc('repo/gc')
    const run = await atShop('published', '-q', '--timeout', '2s', `ipns://${key}`)
    expect(run).toMatchObject({ exitCode: 0, stdout: `${cids[0]}\n` })
    expect(run.stderr).toBe('WARNING: nobody has what was published before 4\n')
  })
})

test('what others have left unflushed in MFS, until it takes no more, is flushed', async () => {
  const fill = async () => {
    for (let at = 0; at < 300; at += 1) await shop().rpc(`files/mkdir?arg=/other${at}&flush=false`)
  }
  await expect(fill()).rejects.toThrow('unflushed')
  await works(atShop('tag', 'shop:1', 'flushed:1'))
  expect(await works(atShop('resolve', 'flushed:1'))).toBe(roots[0] ?? '')
  await works(atShop('rm', 'flushed:1'))
})

describe('a name that', () => {
  test('has moved is told, and one that has gone back is refused', async () => {
    const key = await makeKey('moves')
    await works(atShop('tag', 'shop:1', 'app:latest'))
    await works(atShop('publish', '--key', 'moves', 'app'))
    const old = await standsFor(key)
    await works(atHome('pull', '-q', `ipns://${key}`))
    await works(atShop('tag', 'shop:2', 'app:latest'))
    await works(atShop('publish', '--key', 'moves', 'app'))
    const moved = await atHome('pull', `ipns://${key}/app`)
    expect(moved.stdout).toContain('Status: Downloaded newer image for app:latest\n')
    expect(moved.stderr).toStartWith(`app:latest has moved since the last pull: from ${roots[0]} to ${roots[1]}\n`)
    await shop().rpc(`name/publish?arg=/ipfs/${old}&key=moves`)
    const back = await real.leavingNothing(() => atHome('pull', `ipns://${key}/app`))
    expect(back).toMatchObject({ exitCode: 1, stdout: '' })
    expect(back.stderr).toStartWith(
      `ERROR: ${key} stands for publication 1 now, and stood for 2 at the last pull: it has gone back\n`,
    )
    const allowed = await atHome('pull', '--allow-older', `ipns://${key}/app`)
    expect(allowed.stdout).toContain(`CID: ${roots[0]}\n`)
    await shop().rpc('key/rm?arg=moves')
  })

  test.each([
    ['no JSON', () => '{', 1, 'ERROR: the catalogue of bafybei'],
    [
      'a path out of the folder',
      () => catalogue({ name: 'docker.io/../../etc' }),
      1,
      'ERROR: the catalogue of bafybei',
    ],
    ['another schema', () => '{"schemaVersion":2}', 1, 'ERROR: the catalogue has schema 2; this docker-ipfs reads 1\n'],
    ['the digest of another image', () => catalogue({}), 5, 'ERROR: bafybei'],
    ['no image', (file: string) => catalogue({ cid: file }), 1, 'ERROR: bafkrei'],
  ])('leads to a catalogue with %s is refused', async (_, text, exitCode, words) => {
    const lie = await add(text(await add('no image')), '&wrap-with-directory=true')
    await shop().rpc(`name/publish?arg=/ipfs/${lie}&key=self`)
    const { ID } = JSON.parse(await shop().rpc('id')) as { ID: string }
    const run = await real.leavingNothing(() => atHome('pull', '--timeout', '20s', `ipns://${ID}/shop:1`))
    expect(run).toMatchObject({ exitCode, stdout: '' })
    expect(run.stderr.slice(run.stderr.indexOf('ERROR'))).toStartWith(words)
  })

  test.each([
    [['publish', 'nothing'], 4, 'ERROR: no image of the name "nothing" on the node at '],
    [['publish', '--key', 'nobody'], 1, 'ERROR: the node at '],
    [['push', '--key', 'site', 'shop:1'], 125, '--key needs --publish\n'],
    [['pull', '--tag', 'a:1', '--no-tag', 'b'], 125, '--tag and --no-tag exclude each other\n'],
    [['pull', 'https://hub.docker.com/_/nginx'], 1, 'ERROR: "https://hub.docker.com/_/nginx" stands for no image: '],
  ] as const)('%j is refused', async (args, exitCode, words) => {
    const run = await real.leavingNothing(() => atShop(...args))
    expect(run).toMatchObject({ exitCode, stdout: '' })
    expect(run.stderr).toStartWith(words)
  })
})

/** How often each is tried; more of them cut at more moments. */
const ROUNDS = Number(process.env['ROUNDS'] ?? 3)
const ROUNDS_MS = 60_000 + ROUNDS * 30_000

describe('a publication is old or new, never broken,', () => {
  const publishing = (tag: string) => real.engine(FIRST).startIpfs(shop(), ['publish', '-q', '--key', 'breaks', tag])
  let key = ''
  beforeAll(async () => {
    key = await makeKey('breaks')
    await works(atShop('publish', '--key', 'breaks', 'shop:1'))
  })

  test(
    'when two publish at once',
    async () => {
      for (let round = 1; round <= ROUNDS; round += 1) {
        const before = await whole(await standsFor(key))
        const names = ['a', 'b', 'c'].map((name) => `${name}${round}:1`)
        for (const name of names) await works(atShop('tag', 'shop:1', name))
        const runs = await Promise.all(names.map((name) => publishing(name).finished))
        // With what it says, where one fails.
        expect(runs.filter(({ exitCode }) => exitCode !== 0)).toEqual([])
        const after = await whole(await standsFor(key))
        expect(tagsOf(after).sort()).toEqual([...tagsOf(before), ...names].sort())
        expect(after.sequence).toBe(before.sequence + 3)
        // Each names the one before it.
        let back = after
        for (let step = 0; step < 3; step += 1) back = await read(back.previous ?? '')
        expect(back).toEqual(before)
      }
    },
    ROUNDS_MS,
  )

  test(
    'when a publish is cut by kill -9',
    async () => {
      for (let round = 1; round <= ROUNDS; round += 1) {
        const before = await whole(await standsFor(key))
        const name = `cut${round}:1`
        await works(atShop('tag', 'shop:2', name))
        const run = publishing(name)
        const pid = await run.plugin()
        await Bun.sleep((round * 300) / ROUNDS)
        try {
          process.kill(pid ?? 0, 'SIGKILL')
        } catch {
          // It was quicker.
        }
        run.end()
        await run.finished
        const after = await whole(await standsFor(key))
        expect([tagsOf(before), [...tagsOf(before), name].sort()]).toContainEqual(tagsOf(after).sort())
        await works(atShop('publish', '-q', '--key', 'breaks', name))
        expect(tagsOf(await whole(await standsFor(key)))).toContain(name)
      }
    },
    ROUNDS_MS,
  )

  test(
    'when the node dies in between, and after it was started again and GC has run',
    async () => {
      for (let round = 1; round <= ROUNDS; round += 1) {
        const before = await whole(await standsFor(key))
        const name = `dead${round}:1`
        await works(atShop('tag', 'shop:3', name))
        const run = publishing(name)
        await run.plugin()
        await Bun.sleep((round * 200) / ROUNDS)
        shop().kill()
        const { exitCode, stderr } = await run.finished
        expect({ stderr, isError: [0, 1, 3].includes(exitCode ?? -1) }).toEqual({ stderr, isError: true })
        await shop().restart()
        await home().connect(shop())
        await shop().rpc('repo/gc')
        const after = await whole(await standsFor(key))
        expect([tagsOf(before), [...tagsOf(before), name].sort()]).toContainEqual(tagsOf(after).sort())
        await works(atShop('publish', '-q', '--key', 'breaks', 'shop:1'))
        await works(atHome('pull', '-q', `ipns://${key}/shop:1`))
      }
    },
    ROUNDS_MS,
  )
})

/** Adds a file; gives its CID, or that of a folder around it. */
async function add(text: string, options = ''): Promise<string> {
  const body = new FormData()
  body.append('file', new Blob([text]), 'catalogue.json')
  const lines = (await shop().rpc(`add?cid-version=1${options}`, body)).trimEnd().split('\n')
  return (JSON.parse(lines.at(-1) ?? '') as { Hash: string }).Hash
}

/** A catalogue of one image, as somebody may write it. */
function catalogue(lie: Readonly<Record<string, unknown>>): string {
  const image = {
    name: 'docker.io/library/shop',
    tag: '1',
    cid: roots[0],
    configDigest: `sha256:${'0'.repeat(64)}`,
    size: 1,
    platforms: [],
    ...lie,
  }
  const publishedAt = '2026-11-24T20:00:00.000Z'
  return JSON.stringify({ schemaVersion: 1, publishedAt, sequence: 1, previous: null, images: [image] })
}
