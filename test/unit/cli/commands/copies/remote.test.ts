import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openRemotes } from '../../../../../src/cli/adapters.ts'
import { remoteAdd, remoteLs, remoteRm } from '../../../../../src/cli/commands/copies/remote.ts'
import { readEnvironment } from '../../../../../src/cli/environment.ts'
import { runCommand } from '../../../../support/command.ts'
import { CLUSTER_ID, servePinning } from '../../../../support/pinning/server.ts'
import { newPeerId, serveRpc } from '../../../../support/rpc-server.ts'

const SECRET = 'zuccotto'
let folder: string
let env: Record<string, string>
const servers: { close(): void }[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-remotes-'))
  env = { HOME: folder, DOCKER_CONFIG: join(folder, 'docker') }
})
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
  rmSync(folder, { recursive: true })
})

const file = () => join(folder, 'docker', 'ipfs', 'remotes.json')
async function run(command: typeof remoteAdd, ...argv: string[]) {
  return runCommand(command, argv, { remotes: await openRemotes(readEnvironment([], env)) })
}
const add = (...argv: string[]) => run(remoteAdd, ...argv)
const list = (...argv: string[]) => run(remoteLs, ...argv)

function node(secret?: string) {
  const server = serveRpc({ id: newPeerId(), secret })
  servers.push(server)
  return server
}
function web(answer: Parameters<typeof servePinning>[0]) {
  const server = servePinning(answer)
  servers.push(server)
  return server
}
const cluster = () =>
  web(({ path }) => (path === '/id' ? Response.json(CLUSTER_ID) : new Response('', { status: 404 })))
const service = () =>
  web(({ path, authorization }) => {
    if (path !== '/pins?limit=1') return new Response('<html>no</html>', { status: 404 })
    if (authorization === `Bearer ${SECRET}`) return Response.json({ count: 12, results: [] })
    return Response.json({ error: { reason: 'UNAUTHORIZED', details: 'who are you?' } }, { status: 401 })
  })
function secretFile(text = SECRET, mode = 0o600): string {
  const path = join(folder, 'secret')
  writeFileSync(path, text, { mode })
  return path
}

describe('remote add', () => {
  test('finds out that a node is a node, a cluster a cluster, and a service a service', async () => {
    const kinds = [await add('nas', node().url), await add('team', cluster().url)]
    expect(kinds.map(({ exitCode, stdout, stderr }) => ({ exitCode, stdout, stderr }))).toEqual([
      { exitCode: 0, stdout: 'nas\n', stderr: 'nas is Kubo 0.43.0\n' },
      { exitCode: 0, stdout: 'team\n', stderr: 'team is IPFS Cluster 1.1.6\n' },
    ])
    expect(await add('--auth-file', secretFile(), 'shop', service().url)).toMatchObject({
      exitCode: 0,
      stderr: 'shop is a pinning service, 12 pinned\n',
    })
    expect((await list('--format', '{{.Name}} {{.Kind}}')).stdout).toBe('nas kubo\nshop service\nteam cluster\n')
  })

  test('keeps the path of a secret and never the secret, in a file that only its owner reads', async () => {
    await add('--auth-file', secretFile(`basic:me:${SECRET}`), 'nas', node(`basic:me:${SECRET}`).url)
    expect(readFileSync(file(), 'utf8')).toContain(join(folder, 'secret'))
    expect(readFileSync(file(), 'utf8')).not.toContain(SECRET)
    expect([statSync(file()).mode & 0o777, statSync(join(file(), '..')).mode & 0o777]).toEqual([0o600, 0o700])
  })

  test('takes the secret from a variable of the environment too, which docker is not given', async () => {
    env['DOCKER_IPFS_REMOTE_AUTH_MY_SHOP'] = SECRET
    expect((await add('my-shop', service().url)).exitCode).toBe(0)
    expect(Object.values(readEnvironment([], env).forDocker)).not.toContain(SECRET)
  })

  test('refuses an address with a secret in it, and does not repeat that', async () => {
    for (const url of [`http://me:${SECRET}@127.0.0.1:1`, `http://127.0.0.1/?key=${SECRET}`, `me:${SECRET}@host`]) {
      const { exitCode, stderr } = await add('nas', url)
      expect(exitCode).toBe(125)
      expect(stderr).toStartWith('ERROR: a password or key is not to be part of the address\n')
      expect(stderr).not.toContain(SECRET)
    }
  })

  test.each(['local', 'Nas', 'a b', '../x', '', '-x', 'x'.repeat(33)])('refuses the name "%s"', async (name) => {
    const { exitCode, stderr } = await add('--', name, 'http://127.0.0.1:1')
    expect(exitCode).toBe(125)
    expect(stderr).toContain('is no name for a remote')
  })

  test('writes down what does not answer now, where it is said what it is', async () => {
    const { exitCode, stderr } = await add('--kind', 'service', 'shop', 'http://127.0.0.1:1')
    expect(exitCode).toBe(0)
    expect(stderr).toStartWith('WARNING: cannot reach shop at http://127.0.0.1:1: ')
    const unknown = await add('other', 'http://127.0.0.1:1')
    expect(unknown.exitCode).toBe(1)
    expect(unknown.stderr).toStartWith('ERROR: cannot tell what is at http://127.0.0.1:1: ')
    expect((await list('-q')).stdout).toBe('shop\n')
  })

  test('writes nothing down where the secret is wrong', async () => {
    const { exitCode, stderr } = await add(
      '--kind',
      'service',
      '--auth-file',
      secretFile('wrong'),
      'shop',
      service().url,
    )
    expect(exitCode).toBe(1)
    expect(stderr).toStartWith(
      'ERROR: shop does not take the secret (HTTP status 401): UNAUTHORIZED: who are you?\nGive it a file with a secret that is good: ',
    )
    expect((await list('-q')).stdout).toBe('')
  })

  test('replaces one of the same name only when told to', async () => {
    const first = node()
    await add('nas', first.url)
    const second = await add('nas', node().url)
    expect(second.exitCode).toBe(1)
    expect(second.stderr).toBe('ERROR: there is a remote "nas" already\n--force puts this in its place.\n')
    expect((await list()).stdout).toContain(first.url)
    expect((await add('--force', 'nas', cluster().url)).exitCode).toBe(0)
    expect((await list('--format', '{{.Kind}}')).stdout).toBe('cluster\n')
  })

  test('tells of a file with a secret that is not there or empty', async () => {
    const missing = await add('--kind', 'service', '--auth-file', join(folder, 'none'), 'shop', 'http://127.0.0.1:1')
    expect(missing.stderr).toStartWith(`ERROR: cannot read ${folder}/none (from the remote "shop"): `)
    const empty = await add('--kind', 'service', '--auth-file', secretFile(' \n'), 'shop', 'http://127.0.0.1:1')
    expect(empty.stderr).toStartWith(`ERROR: there is no token or password in ${folder}/secret\n`)
  })

  test('takes the number of peers of a cluster, and of nothing else', async () => {
    expect((await add('--replication', '2', 'team', cluster().url)).exitCode).toBe(0)
    expect(readFileSync(file(), 'utf8')).toContain('"replication": 2')
    const other = await add('--replication', '2', 'nas', node().url)
    expect(other).toMatchObject({
      exitCode: 125,
      stderr: 'nas is Kubo 0.43.0\nERROR: --replication is for clusters, and nas is none\n',
    })
    for (const count of ['0', '-1', '1.5', 'x', '9999', '']) {
      expect((await add('--replication', count, 'other', cluster().url)).exitCode).toBe(125)
    }
  })

  test('refuses an address that a cluster or service cannot have', async () => {
    expect(await add('--kind', 'cluster', 'team', '/ip4/127.0.0.1/tcp/9094')).toMatchObject({
      exitCode: 125,
      stderr: expect.stringContaining('"/ip4/127.0.0.1/tcp/9094" is no address of a cluster or service'),
    })
  })
})

describe('remote ls', () => {
  test('is a table, and with --check each says what it is or what is wrong', async () => {
    const nas = node()
    await add('nas', nas.url)
    await add('--kind', 'cluster', '--untrusted', 'gone', 'http://127.0.0.1:1')
    expect((await list()).stdout).toMatch(/^NAME +KIND +URL\ngone +cluster +http:\S+:1\nnas +kubo +http:\S+\n$/)
    const rows = (await list('--check', '--format', 'json')).stdout.trim().split('\n')
    expect(rows.map((row) => JSON.parse(row) as object)).toMatchObject([
      { Name: 'gone', Trusted: false, Answer: expect.stringMatching(/^cannot reach gone at http/) },
      { Name: 'nas', Trusted: true, Answer: 'Kubo 0.43.0' },
    ])
  })

  test.each(['nonsense', '{}', '{"remotes":[{"name":"x"}]}', '{"remotes":{}}', '{"remotes":[null]}'])(
    'tells of a file that is no list: %s',
    async (text) => {
      mkdirSync(join(folder, 'docker', 'ipfs'), { recursive: true })
      writeFileSync(file(), text)
      const { exitCode, stderr } = await list()
      expect(exitCode).toBe(1)
      expect(stderr).toStartWith(`ERROR: ${file()} is no list of remotes\n`)
    },
  )
})

test('remote rm forgets those that are there, and tells of others last', async () => {
  await add('nas', node().url)
  await add('team', cluster().url)
  const { exitCode, stdout, stderr } = await run(remoteRm, 'none', 'nas')
  expect({ exitCode, stdout }).toEqual({ exitCode: 4, stdout: 'Removed: nas\n' })
  expect(stderr).toBe('ERROR: there is no remote "none"\nThere are nas, team.\n')
  expect((await list('-q')).stdout).toBe('team\n')
})
