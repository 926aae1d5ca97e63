import { afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ENGINES } from '../support/engine.ts'
import { GOLDEN, GOLDEN_ROOTS, imageOf, noise } from '../support/images.ts'
import type { Finished, Running } from '../support/place.ts'
import { useReal } from '../support/real.ts'
import { relay } from '../support/relay.ts'
import { script } from '../support/scripts.ts'
import { tarOf } from '../support/tar.ts'

const NET = `${ENGINES[0]}-net`
const KUBO_IMAGE = 'ipfs/kubo:v0.43.0'
const OLD_IMAGE = 'ipfs/kubo:v0.42.0'
const real = useReal({ engines: [NET] })
const engine = () => real.engine(NET)

let ipfsFolder = ''
let tiny = ''
let large = ''

beforeAll(async () => {
  ipfsFolder = dirname((await script('kubo')).trim())
  await script('kubo-image', engine().host, KUBO_IMAGE)
  tiny = await engine().give(GOLDEN.tiny())
  large = await engine().give(imageOf([tarOf([{ path: 'data', body: noise(64 * 1024 * 1024, 'managed') }])]))
})

type Kind = 'container' | 'binary'

function start(args: readonly string[], env: Record<string, string> = {}, onStdout?: (text: string) => void): Running {
  const command = ['docker', '-H', engine().host, 'ipfs', ...args]
  return engine().inside(command, { env, ...(onStdout === undefined ? {} : { onStdout }) })
}

function run(args: readonly string[], env?: Record<string, string>): Promise<Finished> {
  return start(args, env).finished
}

/** Ended well, and gave this. */
async function gives(args: readonly string[], env?: Record<string, string>): Promise<string> {
  const result = await run(args, env)
  expect(result).toMatchObject({ exitCode: 0 })
  return result.stdout
}

async function inside(...command: string[]): Promise<string> {
  return (await engine().inside(command).finished).stdout
}

const containers = () =>
  engine().docker('container', 'ls', '--all', '--filter', 'label=docker-ipfs.node', '--format', '{{.Names}} {{.Image}}')

const errorLine = (text: string) => text.split('\n').find((line) => line.startsWith('ERROR: '))

/** A save whose node was ended says so, unless it had all it needed of it. */
function expectNodeGone(saved: Finished): void {
  if (saved.exitCode === 0) return
  expect(saved).toMatchObject({ exitCode: 3, stdout: '' })
  expect(errorLine(saved.stderr)).toMatch(
    /^ERROR: (cannot reach the IPFS node at http:\/\/127\.0\.0\.1:\d+|the IPFS node was stopped meanwhile)$/,
  )
}

test('a command that only reads starts no node, and says how to get one', async () => {
  const result = await run(['ls'])
  expect(result).toMatchObject({ exitCode: 3, stdout: '' })
  expect(errorLine(result.stderr)).toBe('ERROR: cannot reach the IPFS node at http://127.0.0.1:5001')
  expect(result.stderr).toContain('docker ipfs node start')
  expect(await gives(['node', 'status'])).toContain('there is none')
  expect(await containers()).toBe('')
})

test('DOCKER_IPFS_NODE=off starts none', async () => {
  expect(await run(['save', tiny], { DOCKER_IPFS_NODE: 'off' })).toMatchObject({ exitCode: 3, stdout: '' })
  const started = await run(['node', 'start'], { DOCKER_IPFS_NODE: 'off' })
  expect(started).toMatchObject({ exitCode: 1, stdout: '' })
  expect(await containers()).toBe('')
})

describe.each<Kind>(['container', 'binary'])('a node of its own, as a %s', (kind) => {
  const env = (): Record<string, string> =>
    kind === 'container' ? {} : { DOCKER_IPFS_NODE: 'binary', PATH: `${ipfsFolder}:${process.env['PATH']}` }
  const ipfs = (...args: string[]) => run(args, env())
  const names = async () => (await gives(['ls', '-q'], env())).trimEnd().split('\n')
  const root = GOLDEN_ROOTS.tiny

  afterEach(async () => {
    await ipfs('node', 'rm', '-v')
    expect(await containers()).toBe('')
  })

  /** In the form of the file that `curl -K` reads. */
  async function secretFile(): Promise<string> {
    const own = join(real.place.folder, 'home/.local/share/docker-ipfs/node/secret')
    const inContainer = () => engine().docker('exec', 'docker-ipfs-node', 'cat', '/data/ipfs/docker-ipfs.secret')
    const secret = kind === 'binary' ? readFileSync(own, 'utf8') : await inContainer()
    const file = join(real.place.folder, 'curl')
    writeFileSync(file, `user = "${secret.trim().replace('basic:', '')}"\n`, { mode: 0o600 })
    return file
  }

  async function api(): Promise<string> {
    const { api } = JSON.parse(await gives(['node', 'status', '--format', 'json'], env())) as { api: string }
    return api
  }

  test('is started by a save, reachable from 127.0.0.1 only, and closed to pages of a browser', async () => {
    const saved = await ipfs('save', tiny)
    expect(saved).toMatchObject({ exitCode: 0, stdout: `${root}\n` })
    expect(saved.stderr).toMatch(/^Starting an IPFS node of docker-ipfs .*"docker ipfs node stop" ends it\)\nSaving /)
    expect((await ipfs('save', tiny)).stderr).not.toContain('Starting')
    expect((await ipfs('push', tiny)).stderr).toContain(
      '\nWARNING: not announced: Provide.Enabled is false (to change that: docker ipfs node start --announce); the node is',
    )

    const listening = (await inside('ss', '-Hltn')).trimEnd().split('\n')
    expect(listening.length).toBeGreaterThanOrEqual(2)
    expect(listening.map((line) => line.trim().split(/\s+/)[3])).toEqual(
      listening.map(() => expect.stringMatching(/^127\.0\.0\.1:/)),
    )
    const call = `${await api()}/api/v0/id`
    const status = (...flags: string[]) => inside('curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', ...flags, call)
    expect(await status('-X', 'POST')).toBe('403')
    const browser = ['-A', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0']
    browser.push('-K', await secretFile())
    expect(await status('-X', 'POST', '-K', await secretFile())).toBe('200')
    expect(await status('-X', 'POST', ...browser, '-H', 'Origin: http://example.org')).toBe('403')
    expect(await status('-X', 'POST', ...browser, '-H', 'Referer: http://example.org/')).toBe('403')
    expect(await status(...browser)).toBe('405')
    expect(await status('-X', 'POST', ...browser, '-H', `Origin: ${await api()}`)).toBe('200')
    // This test's own network is another one.
    expect(fetch(call, { method: 'POST' })).rejects.toThrow()
  })

  test('keeps its images when it is stopped, removed and made again, and loses them only with rm --volumes', async () => {
    await ipfs('save', tiny)
    await gives(['node', 'stop'], env())
    expect(await gives(['node', 'status'], env())).toContain('stopped')
    expect(await ipfs('ls')).toMatchObject({ exitCode: 3 })
    await gives(['node', 'rm'], env())
    expect(await gives(['node', 'start'], env())).toMatch(
      /^Status: {4}running\n.*^Web UI: {4}http:\/\/127\.0\.0\.1:\d+\/webui$/ms,
    )
    expect(await names()).toEqual([root])
    await gives(['node', 'rm', '--volumes'], env())
    expect(await gives(['node', 'status'], env())).toContain('there is none')
  })

  test('is one node when two saves start it at once', async () => {
    const saves = await Promise.all([ipfs('save', '-q', '--no-cache', tiny), ipfs('save', '-q', '--no-cache', tiny)])
    for (const saved of saves) expect(saved).toMatchObject({ exitCode: 0, stdout: `${root}\n`, stderr: '' })
    expect(await names()).toEqual([root])
  })

  test.each(kind === 'container' ? ['restart', 'rm'] : ['stop', 'restart'])(
    '%s while a save runs ends it with a clear error or not at all',
    async (action) => {
      await ipfs('save', tiny)
      const save = start(['save', '-q', '--no-cache', large], env())
      await save.plugin()
      await Bun.sleep(300)
      await gives(['node', action], env())
      const saved = await save.finished
      expectNodeGone(saved)
      const again = await ipfs('save', '-q', large)
      expect(again).toMatchObject({ exitCode: 0, stderr: '' })
      expect(await names()).toContain(root)
      expect(await ipfs('verify', again.stdout.trim())).toMatchObject({ exitCode: 0 })
    },
  )

  test('announces files and folders of its images where that is wanted', async () => {
    await gives(['node', 'start', '--announce'], env())
    const ask = async (path: string) =>
      inside('curl', '-s', '-K', await secretFile(), '-X', 'POST', `${await api()}/api/v0/${path}`)
    const config = await ask('config?arg=Provide')
    expect(JSON.parse(config)).toMatchObject({ Value: { Enabled: true, Strategy: 'pinned+mfs+entities' } })
    const stat = await ask('provide/stat?all=true')
    expect(JSON.parse(stat)).toHaveProperty('Sweep')
    expect((await ipfs('push', tiny)).stderr).not.toContain('Provide.Enabled')
  })

  test('joins the private network of a swarm key', async () => {
    const file = join(real.place.folder, 'swarm.key')
    writeFileSync(file, 'no key')
    expect(await ipfs('node', 'start', '--swarm-key', file)).toMatchObject({ exitCode: 1, stdout: '' })
    writeFileSync(file, `/key/swarm/psk/1.0.0/\n/base16/\n${'0123456789abcdef'.repeat(4)}\n`)
    await gives(['node', 'start', '--swarm-key', file], env())
    expect(await gives(['node', 'logs'], env())).toContain('Swarm is limited to private network')
  })
})

test('a node of its own warns well before its limit, and takes no more when it is reached', async () => {
  const env = { DOCKER_IPFS_NODE: 'binary', PATH: `${ipfsFolder}:${process.env['PATH']}` }
  await gives(['save', large], env)
  await gives(['node', 'start', '--storage-max', '75MB'], env)
  const warned = await run(['save', tiny], env)
  expect(warned).toMatchObject({ exitCode: 0, stdout: `${GOLDEN_ROOTS.tiny}\n` })
  expect(warned.stderr).toMatch(/^WARNING: the storage of docker-ipfs' node is [89]\d % full \([\d.]+MB of 75MB\)\. /)
  await gives(['node', 'start', '--storage-max', '60MB'], env)
  const refused = await run(['save', '--no-cache', tiny], env)
  expect(refused).toMatchObject({ exitCode: 1, stdout: '' })
  expect(errorLine(refused.stderr)).toMatch(/^ERROR: the storage of docker-ipfs' node is 1\d\d % full/)
  expect(await gives(['ls', '-q'], env)).toContain(GOLDEN_ROOTS.tiny)
  await gives(['node', 'rm', '-v'], env)
})

describe('a container', () => {
  afterEach(() => run(['node', 'rm', '-v']))

  test('comes back with its engine', async () => {
    await gives(['save', tiny])
    await engine().restart()
    expect(await gives(['ls', '-q'])).toBe(`${GOLDEN_ROOTS.tiny}\n`)
    expect(await run(['save', '-q', tiny])).toMatchObject({ exitCode: 0, stdout: `${GOLDEN_ROOTS.tiny}\n`, stderr: '' })
  })

  /** Puts a node of an older Kubo in the place of the one that runs, over the same volume. */
  async function makeOld(): Promise<void> {
    const [{ Config }] = JSON.parse(await engine().docker('container', 'inspect', 'docker-ipfs-node')) as [
      { Config: { Env: string[]; Cmd: string[]; Labels: Record<string, string> } },
    ]
    await engine().docker('container', 'rm', '--force', 'docker-ipfs-node')
    await engine().docker('image', 'tag', KUBO_IMAGE, OLD_IMAGE)
    const label = { ...JSON.parse(Config.Labels['docker-ipfs.node'] ?? ''), storageMax: '7GB' }
    await engine().docker(
      ...['container', 'run', '--detach', '--init', '--name', 'docker-ipfs-node', '--network', 'host'],
      ...['--label', `docker-ipfs.node=${JSON.stringify(label)}`],
      ...['--mount', 'type=volume,source=docker-ipfs-node,target=/data/ipfs', '--entrypoint', '/bin/sh'],
      ...Config.Env.flatMap((one) => ['--env', one]),
      ...[OLD_IMAGE, ...Config.Cmd],
    )
  }

  test('of an older Kubo is replaced when the node is started again, and the images stay', async () => {
    await gives(['save', tiny])
    await makeOld()
    await engine().docker('container', 'stop', 'docker-ipfs-node')
    const saved = await run(['save', tiny])
    expect(saved).toMatchObject({ exitCode: 0, stdout: `${GOLDEN_ROOTS.tiny}\n` })
    expect(saved.stderr).toContain('its images stay (ipfs/kubo:v0.42.0 → ipfs/kubo:v0.43.0)')
    expect(await containers()).toBe(`docker-ipfs-node ${KUBO_IMAGE}`)
    expect(await gives(['node', 'status'])).toMatch(/^Storage: .* of 7GB$/m)
    expect(await gives(['ls', '-q'])).toBe(`${GOLDEN_ROOTS.tiny}\n`)
  })

  test('of an older Kubo may be replaced in the middle of a save, which ends with a clear error or not at all', async () => {
    const golden = await engine().give(GOLDEN.large())
    await engine().docker('image', 'tag', tiny, 'tiny:1')
    await gives(['save', 'tiny:1'])
    const names = await gives(['ls', '--format', '{{.Name}} {{.CID}}'])
    await makeOld()
    // The engine stands still after 3 MB until the old node ends, so that this always meets a save that has sent some.
    const at = await relay(
      { path: join(real.place.folder, 'relay.sock') },
      { path: engine().socket },
      { from: 'called', after: 3_000_000 },
    )
    const save = engine().inside(['docker', '-H', at.host, 'ipfs', 'save', '-q', '--no-cache', golden])
    await at.reached
    const upgrade = start(['node', 'start'])
    const isEnding = async () =>
      (await engine().docker('container', 'logs', 'docker-ipfs-node')).includes('Received interrupt signal')
    while (!(await isEnding())) await Bun.sleep(20)
    at.release()
    const [upgraded, saved] = await Promise.all([upgrade.finished, save.finished])
    at.close()
    expect(upgraded).toMatchObject({ exitCode: 0 })
    expect(upgraded.stderr).toContain('its images stay (ipfs/kubo:v0.42.0 → ipfs/kubo:v0.43.0)')
    expectNodeGone(saved)
    expect(await containers()).toBe(`docker-ipfs-node ${KUBO_IMAGE}`)
    expect(await gives(['ls', '--format', '{{.Name}} {{.CID}}'])).toBe(names)
    expect(await gives(['save', '-q', golden])).toBe(`${GOLDEN_ROOTS.large}\n`)
    expect(await gives(['save', '-q', 'tiny:1'])).toBe(`${GOLDEN_ROOTS.tiny}\n`)
    for (const root of [GOLDEN_ROOTS.large, 'tiny:1']) await gives(['verify', root])
  })

  test("that is somebody else's is left alone", async () => {
    await engine().docker('container', 'create', '--name', 'docker-ipfs-node', KUBO_IMAGE)
    const saved = await run(['save', tiny], { DOCKER_IPFS_NODE: 'container' })
    expect(saved).toMatchObject({ exitCode: 1, stdout: '' })
    expect(errorLine(saved.stderr)).toContain("the engine has a container docker-ipfs-node that is not docker-ipfs'")
    await engine().docker('container', 'rm', 'docker-ipfs-node')
  })
})

test('where the image cannot be had, an ipfs on PATH is used; where there is none either, the error says both', async () => {
  await engine().docker('image', 'rm', '--force', OLD_IMAGE, KUBO_IMAGE)
  const neither = await run(['save', tiny])
  expect(neither).toMatchObject({ exitCode: 3, stdout: '' })
  expect(errorLine(neither.stderr)).toMatch(
    /^ERROR: cannot start an IPFS node \(container docker-ipfs-node: .*; background process: there is no ipfs on PATH\)$/,
  )
  const env = { PATH: `${ipfsFolder}:${process.env['PATH']}` }
  expect(await gives(['save', tiny], env)).toBe(`${GOLDEN_ROOTS.tiny}\n`)
  expect(await gives(['node', 'status'], env)).toContain('background process')
  await gives(['node', 'rm', '-v'], env)
})
