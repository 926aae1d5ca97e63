import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ENGINES } from '../support/engine.ts'
import { GOLDEN, GOLDEN_ROOTS } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { fail, script } from '../support/scripts.ts'

const [ENGINE = ''] = ENGINES
const LARGE = GOLDEN_ROOTS.large

describe('copies in an IPFS Cluster of three peers', () => {
  const real = useReal({ engines: [ENGINE], nodes: ['here', 'one', 'two', 'three'] })
  const peers: { readonly rest: string; readonly pins: string }[] = []
  const ipfs = (node: string, ...args: string[]) => real.engine(ENGINE).ipfs(real.node(node), ...args)
  const push = (node: string, ...args: string[]) => ipfs(node, 'push', '--timeout', '60s', ...args, 'large:1')
  const NODES = ['one', 'two', 'three']
  const pinned = async () => {
    const all = await Promise.all(
      NODES.map(async (name) => ((await real.node(name).pins()).includes(LARGE) ? [name] : [])),
    )
    return all.flat()
  }
  const rest = async (path: string, method = 'GET') => (await fetch(`${peers[0]?.rest}${path}`, { method })).text()

  /** The peers unpin it a moment after they were told. */
  const unpinned = async () => {
    await rest(`/pins/${LARGE}`, 'DELETE')
    while (/"status":"(?!unpinned)/.test(await rest(`/pins/${LARGE}`))) await Bun.sleep(100)
  }

  beforeAll(async () => {
    const id = await real.engine(ENGINE).give(GOLDEN.large())
    await real.engine(ENGINE).docker('tag', id, 'large:1')
    for (const line of (await script('cluster', 'start', 'team', ...NODES)).trim().split('\n')) {
      const value = (key: string) => new RegExp(`${key}=(\\S+)`).exec(line)?.[1] ?? fail(line)
      peers.push({ rest: value('rest'), pins: value('pins') })
    }
    for (const [name, count] of [
      ['pair', 2],
      ['all', undefined],
      ['trio', 3],
      ['solo', 1],
    ] as const) {
      const factor = count === undefined ? [] : ['--replication', String(count)]
      const run = await ipfs('here', 'remote', 'add', ...factor, name, peers[0]?.rest ?? '')
      expect(run).toMatchObject({ exitCode: 0, stderr: `${name} is IPFS Cluster 1.1.6\n` })
    }
    const answer = await fetch(`${peers[0]?.pins}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from('alice:secret').toString('base64')}` },
    })
    const { token } = (await answer.json()) as { token: string }
    await writeFile(join(real.place.folder, 'token'), token, { mode: 0o600 })
    const file = join(real.place.folder, 'token')
    const added = await ipfs('here', 'remote', 'add', '--auth-file', file, 'shop', peers[1]?.pins ?? '')
    expect(added).toMatchObject({ exitCode: 0, stderr: 'shop is a pinning service, 0 pinned\n' })
  }, 180_000)
  afterAll(() => script('cluster', 'rm', 'team'))
  beforeEach(async () => {
    await unpinned()
    // A peer may unpin what is being unpinned here.
    const empty = (name: string) => real.node(name).empty()
    await Promise.all(['here', ...NODES].map((name) => empty(name).catch(() => empty(name))))
  })

  test('an image is pinned on as many peers as wanted, and the claim is told as one', async () => {
    const run = await push('here', '--progress', 'plain', '--to', 'pair')
    expect(run).toMatchObject({ exitCode: 0, stdout: `${LARGE}\n` })
    expect(run.stderr).toContain('pair: Claimed (it says pinned on 2 of 2)')
    expect(await pinned()).toHaveLength(2)
    const seen = await ipfs('here', 'copies', '--format', '{{.Place}} {{.State}}', 'large:1')
    expect(seen.stdout).toBe('local complete\nall claimed\npair claimed\nshop claimed\nsolo claimed\ntrio claimed\n')
    const more = await push('here', '--progress', 'plain', '--to', 'trio')
    expect(more.stderr).toContain('trio: Claimed (it says pinned on 3 of 3)')
    expect(await pinned()).toEqual(NODES)
  })

  test('our own node in the cluster is one of those that keep it, and its pin stays', async () => {
    const run = await push('one', '-q', '--to', 'pair')
    expect(run).toMatchObject({ exitCode: 0, stdout: `${LARGE}\n`, stderr: '' })
    expect(await pinned()).toContain('one')
    expect(await pinned()).toHaveLength(2)
  })

  test('where the cluster has chosen others and takes our pin away, it is pinned again, and that is told', async () => {
    const [, second, third] = await Promise.all(
      peers.map(async (peer) => ((await (await fetch(`${peer.rest}/id`)).json()) as { id: string }).id),
    )
    await push('two', '-q', '--to', 'trio')
    await unpinned()
    await push('two', '-q', '--to', 'all')
    await rest(`/pins/${LARGE}?replication-min=2&replication-max=2&user-allocations=${second},${third}`, 'POST')
    const run = await push('one', '--progress', 'plain', '--to', 'solo')
    expect(run).toMatchObject({ exitCode: 0 })
    expect(run.stderr).toContain('WARNING: solo: the cluster took the pin of this node away')
    expect(await pinned()).toContain('one')
  })

  test('nodes that cannot reach each other: the image is uploaded', async () => {
    const here = real.node('here')
    await here.stop()
    await here.configure((config) => {
      config['Swarm'] = { ...config['Swarm'], AddrFilters: ['/ip4/127.0.0.0/ipcidr/8'] }
    })
    await here.restart()
    try {
      const run = await push('here', '--progress', 'json', '--to', 'pair')
      expect(run).toMatchObject({ exitCode: 0, stdout: `${LARGE}\n` })
      expect(run.stderr).toContain('{"id":"pair","text":"Sending"')
      expect(await pinned()).toHaveLength(2)
    } finally {
      await here.stop()
      await here.configure((config) => {
        config['Swarm'] = { ...config['Swarm'], AddrFilters: null }
      })
      await here.restart()
    }
  })

  test('a pinning service gets it from our node, and its token is nowhere', async () => {
    const token = await Bun.file(join(real.place.folder, 'token')).text()
    const run = await ipfs('here', 'push', '--timeout', '60s', '--progress', 'plain', '--to', 'shop', 'large:1')
    expect(run).toMatchObject({ exitCode: 0, stdout: `${LARGE}\n` })
    expect(run.stderr).toContain('shop: Claimed (it says pinned)')
    expect(run.stderr).not.toContain(token)
    expect(await real.node('here').rpc('files/ls?arg=/docker-ipfs&long=true')).not.toContain(token)
    await rm(join(real.place.folder, 'token'))
    const without = await ipfs('here', 'push', '-q', '--to', 'shop', 'large:1')
    expect(without).toMatchObject({ exitCode: 1, stdout: '' })
    expect(without.stderr).toStartWith('ERROR: cannot read ')
    await writeFile(join(real.place.folder, 'token'), 'w1ck3d-t0ken', { mode: 0o600 })
    const wrong = await ipfs('here', 'push', '-q', '--to', 'shop', 'large:1')
    expect(wrong.exitCode).toBe(1)
    expect(wrong.stderr).toStartWith('ERROR: shop does not take the secret (HTTP status 401)')
    const { stdout, stderr } = await real.place.run('docker', ['-D', 'ipfs', 'remote', 'ls', '--check'])
    expect(stdout).toContain('shop does not take the secret')
    expect(stdout + stderr).not.toContain('w1ck3d')
  })
})
