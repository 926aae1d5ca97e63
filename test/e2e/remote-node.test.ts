import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ENGINES } from '../support/engine.ts'
import { GOLDEN, GOLDEN_ROOTS } from '../support/images.ts'
import { type Nginx, startNginx } from '../support/nginx.ts'
import { type Finished, PLUGIN } from '../support/place.ts'
import { useReal } from '../support/real.ts'

// How a node is reached has nothing to do with the engine: one is enough.
const NAME = ENGINES[0] ?? ''
const real = useReal({ engines: [NAME], nodes: ['node'] })
const node = () => real.node()
const SECRET = 'hidden-token-4711'
const LARGE = GOLDEN_ROOTS.large

let nginx: Nginx
let image: string

beforeAll(async () => {
  const folder = join(real.place.folder, 'nginx')
  nginx = await startNginx({ folder, nodePort: node().port, token: `Bearer ${SECRET}` })
  image = await real.engine(NAME).give(GOLDEN.large())
  await real.engine(NAME).docker('image', 'tag', image, 'large:1')
})
afterAll(() => nginx?.stop())

/** Runs `docker ipfs` with settings of the environment, on no node but the one they name. */
function ipfs(env: Readonly<Record<string, string>>, ...args: string[]): Promise<Finished> {
  return real.place.run('docker', ['-H', real.engine(NAME).host, 'ipfs', ...args], { env })
}
const lines = ({ stderr }: Finished) => stderr.trimEnd().split('\n')

describe('a node behind a reverse proxy, with https, a certificate of its own, a path, and a token', () => {
  const settings = () => ({
    DOCKER_IPFS_API: `${nginx.url}/kubo`,
    DOCKER_IPFS_API_CA: nginx.certificate,
    DOCKER_IPFS_API_AUTH: `bearer:${SECRET}`,
  })

  test('saves, names, lists, verifies, loads and removes', async () => {
    const env = settings()
    expect(await ipfs(env, 'save', '-q', '--no-cache', 'large:1')).toMatchObject({
      exitCode: 0,
      stdout: `${LARGE}\n`,
      stderr: '',
    })
    expect(await ipfs(env, 'tag', 'large:1', 'large:2')).toMatchObject({ exitCode: 0, stderr: '' })
    expect((await ipfs(env, 'ls', '--format', '{{.Tag}}')).stdout).toBe('1\n2\n')
    expect(await ipfs(env, 'verify', '-q', 'large:2')).toMatchObject({ exitCode: 0, stderr: '' })
    await real.engine(NAME).clear()
    expect(await ipfs(env, 'load', '-q', '--tag', 'large:1', 'large:2')).toMatchObject({ exitCode: 0, stderr: '' })
    image = (await real.engine(NAME).docker('image', 'inspect', '-f', '{{.Id}}', 'large:1')).trim()
    expect(await ipfs(env, 'rm', 'large:1', 'large:2')).toMatchObject({ exitCode: 0 })
    expect(await node().pins()).toEqual([])
  })

  test('takes the token from a file that docker’s config.json names, with the address and the certificate', async () => {
    const folder = join(real.place.folder, 'configured')
    mkdirSync(folder)
    writeFileSync(join(folder, 'token'), `${SECRET}\n`)
    const ipfsSettings = {
      api: `${nginx.url}/kubo`,
      apiCa: nginx.certificate,
      apiAuthFile: join(folder, 'token'),
      colour: 'green',
    }
    const cliPluginsExtraDirs = [join(real.place.dockerConfig, 'cli-plugins')]
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ cliPluginsExtraDirs, plugins: { ipfs: ipfsSettings } }))
    const run = await real.place.run('docker', ['--config', folder, 'ipfs', 'ls'])
    expect(run).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^NAME .*\n$/) })
    const [warning, ...others] = lines(run)
    expect(warning).toStartWith(
      `WARNING: unknown setting plugins.ipfs.colour in ${folder}/config.json; there are api, `,
    )
    expect(others).toEqual([])
    // To another node neither goes.
    const args = ['--config', folder, 'ipfs', 'ls', '--api', `${nginx.url}/kubo`]
    const other = await real.place.run('docker', args, { env: { DOCKER_IPFS_API_CA: nginx.certificate } })
    expect(lines(other)[1]).toBe(`ERROR: the IPFS node at ${nginx.url}/kubo does not let us in (HTTP status 401)`)
  })

  test('says what to do where the certificate is not known', async () => {
    const run = await ipfs({ ...settings(), DOCKER_IPFS_API_CA: '' }, 'ls')
    expect(run).toMatchObject({ exitCode: 3, stdout: '' })
    expect(lines(run)[0]).toBe(
      `ERROR: cannot reach the IPFS node at ${nginx.url}/kubo (its certificate is not trusted)`,
    )
    expect(lines(run)[1]).toContain('DOCKER_IPFS_API_CA')
  })

  test.each(['save', 'load', 'ls'])('%s with a wrong token says so, and never the token', async (command) => {
    const env = { ...settings(), DOCKER_IPFS_API_AUTH: 'bearer:wrong-secret' }
    const argument = { save: ['large:1'], load: [LARGE], ls: [] }[command] ?? []
    const run = await real.place.run('docker', ['-D', '-H', real.engine(NAME).host, 'ipfs', command, ...argument], {
      env,
    })
    expect(run).toMatchObject({ exitCode: 1, stdout: '' })
    expect(run.stderr).toContain(`ERROR: the IPFS node at ${nginx.url}/kubo does not let us in (HTTP status 401)`)
    expect(run.stderr).toContain('DOCKER_IPFS_API_AUTH')
    expect(run.stderr).not.toContain('wrong-secret')
  })

  test('a name and a password in the URL are shown nowhere', async () => {
    const api = `${nginx.url.replace('//', '//somebody:wrong-secret@')}/kubo`
    const run = await ipfs({ DOCKER_IPFS_API_CA: nginx.certificate }, 'save', '--api', api, 'large:1')
    expect(run).toMatchObject({ exitCode: 1, stdout: '' })
    expect(lines(run)[0]).toBe(`ERROR: the IPFS node at ${nginx.url}/kubo does not let us in (HTTP status 401)`)
    expect(run.stderr).not.toMatch(/somebody|wrong-secret/)
  })

  test('the docker that is started does not get the token', async () => {
    const bin = join(real.place.folder, 'bin')
    mkdirSync(bin)
    const docker = Bun.which('docker')
    writeFileSync(join(bin, 'docker'), `#!/bin/sh\nenv >>'${bin}/seen'\nexec ${docker} "$@"\n`)
    chmodSync(join(bin, 'docker'), 0o755)
    const env = { ...settings(), PATH: `${bin}:${process.env['PATH']}`, SEEN: 'yes' }
    // With a flag for TLS it is docker that connects.
    const args = ['-H', real.engine(NAME).host, '--tls=false', 'ipfs', 'save', '-q', 'large:1']
    const run = await real.place.run(PLUGIN, args, { env })
    expect(run).toMatchObject({ exitCode: 0, stdout: `${LARGE}\n` })
    const seen = readFileSync(join(bin, 'seen'), 'utf8')
    expect(seen).toContain('SEEN=yes')
    expect(seen).not.toMatch(/DOCKER_IPFS_API|hidden-token/)
  })

  test('a proxy that limits uploads is named, and how to raise its limit', async () => {
    const env = { ...settings(), DOCKER_IPFS_API: `${nginx.url}/small` }
    const run = await real.leavingNothing(() => ipfs(env, 'save', '-q', '--no-cache', 'large:1'))
    expect(run).toMatchObject({ exitCode: 1, stdout: '' })
    expect(lines(run)).toEqual([
      `ERROR: the proxy at ${nginx.url}/small takes no upload of this size (HTTP status 413)`,
      'Raise its limit; in nginx: client_max_body_size 0',
    ])
  })

  test('an address that redirects is not followed', async () => {
    const run = await ipfs({ ...settings(), DOCKER_IPFS_API: `${nginx.plainUrl}/kubo` }, 'ls')
    expect(run).toMatchObject({ exitCode: 3, stdout: '' })
    expect(lines(run)[0]).toBe(`ERROR: cannot reach the IPFS node at ${nginx.plainUrl}/kubo (it redirects elsewhere)`)
  })

  test('a proxy whose node is down is not taken for the node', async () => {
    await node().stop()
    const run = await ipfs(settings(), 'save', '-q', 'large:1')
    await node().restart()
    expect(run).toMatchObject({ exitCode: 3, stdout: '' })
    expect(lines(run)[0]).toBe(`ERROR: the proxy at ${nginx.url}/kubo cannot reach the IPFS node (HTTP status 502)`)
  })
})

test('a node at a unix socket saves, loads and lists', async () => {
  const socket = join(real.place.folder, 'node.sock')
  await node().configure((config) => {
    config['Addresses'] = { ...config['Addresses'], API: [node().api, `/unix${socket}`] }
  })
  await node().stop()
  await node().restart()
  const env = { DOCKER_IPFS_API: `unix://${socket}` }
  expect(await ipfs(env, 'save', '-q', '--no-cache', image)).toMatchObject({
    exitCode: 0,
    stdout: `${LARGE}\n`,
    stderr: '',
  })
  expect(await ipfs(env, 'load', '-q', LARGE)).toMatchObject({ exitCode: 0, stderr: '' })
  expect((await ipfs({ DOCKER_IPFS_API: `/unix${socket}` }, 'ls', '-q')).stdout).toBe(`${LARGE}\n`)
  const none = await ipfs({ DOCKER_IPFS_API: `unix://${socket}.not` }, 'ls')
  expect(none).toMatchObject({ exitCode: 3, stdout: '' })
  expect(lines(none)[0]).toBe(`ERROR: cannot reach the IPFS node at unix://${socket}.not (no such socket)`)
})

test('an engine that only ssh reaches, by its context, and a node behind a proxy: three places', async () => {
  const bin = join(real.place.folder, 'ssh-bin')
  mkdirSync(bin)
  // What sshd would start on the engine's machine; docker starts `ssh … docker system dial-stdio` for each connection.
  const far = `exec ${Bun.which('docker')} -H ${real.engine(NAME).host} system dial-stdio`
  writeFileSync(join(bin, 'ssh'), `#!/bin/sh\necho x >>'${bin}/used'\n${far}\n`, { mode: 0o755 })
  const config = join(real.place.folder, 'with-context')
  mkdirSync(join(config, 'cli-plugins'), { recursive: true })
  symlinkSync(PLUGIN, join(config, 'cli-plugins/docker-ipfs'))
  const env = {
    PATH: `${bin}:${process.env['PATH']}`,
    DOCKER_CONFIG: config,
    DOCKER_IPFS_API: `${nginx.url}/kubo`,
    DOCKER_IPFS_API_CA: nginx.certificate,
    DOCKER_IPFS_API_AUTH: `bearer:${SECRET}`,
  }
  const docker = (...args: string[]) => real.place.run('docker', args, { env })
  await docker('context', 'create', 'far', '--docker', 'host=ssh://engine.example')
  const saved = await docker('--context', 'far', 'ipfs', 'save', '-q', '--no-cache', image)
  expect(saved).toMatchObject({ exitCode: 0, stdout: `${LARGE}\n`, stderr: '' })
  await real.engine(NAME).clear()
  const loaded = await docker('--context', 'far', 'ipfs', 'load', '-q', '--tag', 'large:1', LARGE)
  expect(loaded).toMatchObject({ exitCode: 0, stdout: 'Loaded image: large:1\n', stderr: '' })
  image = await real.engine(NAME).docker('image', 'inspect', '-f', '{{.Id}}', 'large:1')
  const { exitCode, stdout } = await docker('--context', 'far', 'ipfs', 'doctor', '--format', '{{.Check}} {{.State}}')
  expect(exitCode).toBe(0)
  expect(stdout).toStartWith('reachable ok\nversion ok\nstore ok\ndisk ok\naddress ok\nreachable ok\n')
  expect(readFileSync(join(bin, 'used'), 'utf8').length).toBeGreaterThan(0)
})

describe('a node that is too old', () => {
  // A front that tells an old version; all else is the real node's.
  const front = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request) => {
      const { pathname, search } = new URL(request.url)
      if (pathname === '/api/v0/version') return Response.json({ Version: '0.22.0', Commit: '' })
      return fetch(`http://127.0.0.1:${node().port}${pathname}${search}`, { method: 'POST', body: request.body })
    },
  })
  afterAll(() => front.stop(true))

  test.each(['save', 'push', 'load'])('%s says so, and which is the oldest that works', async (command) => {
    const argument = command === 'load' ? LARGE : image
    const run = await real.leavingNothing(() =>
      ipfs({ DOCKER_IPFS_API: `http://127.0.0.1:${front.port}` }, command, '-q', argument),
    )
    expect(run).toMatchObject({ exitCode: 1, stdout: '' })
    expect(lines(run)).toEqual([
      `ERROR: the IPFS node at http://127.0.0.1:${front.port} is Kubo 0.22.0, which is too old`,
      'Update it: 0.23.0 is the oldest that docker-ipfs works with.',
    ])
  })
})

test.each(['save', 'load', 'ls'])('%s at the address of the gateway says that this is not the API', async (command) => {
  const argument = { save: [image], load: [LARGE], ls: [] }[command] ?? []
  const run = await real.leavingNothing(() => ipfs({ DOCKER_IPFS_API: node().gateway }, command, ...argument))
  expect(run).toMatchObject({ exitCode: 1, stdout: '' })
  expect(run.stderr).toContain(`ERROR: what is at ${node().gateway} does not answer as Kubo's RPC API does (`)
})
