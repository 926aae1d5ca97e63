import { afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ENGINES } from '../support/engine.ts'
import { GOLDEN_ROOTS } from '../support/images.ts'
import type { LocalUser } from '../support/local-user.ts'
import { useReal } from '../support/real.ts'
import { KUBO_IMAGE, useTwoUsers } from '../support/two-users.ts'

// Two ordinary users of one machine: the node of the first is none of the second's business.

const NET = `${ENGINES[0]}-net`
const SECRET = /basic:docker-ipfs:[0-9a-f]{64}/
const root = GOLDEN_ROOTS.tiny

const real = useReal({ engines: [NET] })
const engine = () => real.engine(NET)
const users = useTwoUsers(real, NET)
let tiny = ''
let first: LocalUser
let second: LocalUser
beforeAll(() => {
  ;({ tiny, first, second } = users())
})

type Kind = 'container' | 'binary'

describe.each<Kind>(['container', 'binary'])('the node of another user, as a %s', (kind) => {
  const env = () => ({ DOCKER_IPFS_NODE: kind })
  const folder = () => join(first.home, '.local/share/docker-ipfs/node')

  afterEach(async () => {
    expect(await first.ipfs(['node', 'rm', '-v'], env())).toMatchObject({ exitCode: 0 })
  })

  /** What the first user runs ends well, and says this. */
  async function gives(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await first.ipfs(args, env())
    expect({ args, exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ args, exitCode: 0, stderr: '' })
    return stdout
  }

  async function status() {
    const text = await gives('node', 'status', '--format', 'json')
    return JSON.parse(text) as { readonly api: string; readonly gateway: string; readonly openTo: string }
  }

  async function secret(): Promise<string> {
    if (kind === 'binary') return readFileSync(join(folder(), 'secret'), 'utf8').trim()
    return engine().docker('exec', 'docker-ipfs-node', 'cat', '/data/ipfs/docker-ipfs.secret')
  }

  /** The status codes that the second user gets. */
  async function codes(urls: readonly string[], ...flags: string[]): Promise<string[]> {
    const each = urls.flatMap((url) => ['-o', '/dev/null', url])
    const { stdout } = await second.run(['curl', '-s', '-m', '20', '-w', '%{http_code}\n', ...flags, ...each])
    return stdout.trimEnd().split('\n')
  }

  /** The paths of all commands that a node has. */
  async function allCalls(api: string): Promise<string[]> {
    const file = join(real.place.folder, 'curl')
    writeFileSync(file, `user = "${(await secret()).replace('basic:', '')}"\n`, { mode: 0o600 })
    const answer = await engine().inside(['curl', '-s', '-K', file, '-X', 'POST', `${api}/api/v0/commands`]).finished
    const paths = (command: Command, above: string): string[] =>
      (command.Subcommands ?? []).flatMap((one) => [`${above}/${one.Name}`, ...paths(one, `${above}/${one.Name}`)])
    return paths(JSON.parse(answer.stdout), `${api}/api/v0`)
  }

  test('does all that the first wants, and answers no call of the second', async () => {
    expect(await gives('save', '-q', tiny)).toBe(`${root}\n`)
    await gives('tag', root, 'team/app:1')
    for (const command of ['inspect', 'history', 'verify', 'resolve', 'load']) await gives(command, 'team/app:1')
    await gives('key', 'gen', 'mine')
    await gives('node', 'logs')
    expect(await gives('doctor')).toContain('its API lets in nobody who has no secret')
    const { api, openTo } = await status()
    expect(openTo).toBe('owner')

    const calls = await allCalls(api)
    expect(calls.length).toBeGreaterThan(100)
    expect(calls).toEqual(
      expect.arrayContaining(['id', 'key/list', 'files/ls', 'dag/import'].map((one) => `${api}/api/v0/${one}`)),
    )
    expect(new Set(await codes(calls, '-X', 'POST'))).toEqual(new Set(['403']))
    for (const wrong of ['docker-ipfs:', `docker-ipfs:${'0'.repeat(64)}`, ':']) {
      expect(await codes([`${api}/api/v0/id`], '-X', 'POST', '-u', wrong)).toEqual(['403'])
    }
    expect(await gives('ls', '-q')).toBe(`${root}\n`)
  })

  test('lets the second not in by docker ipfs either', async () => {
    await gives('save', '-q', tiny)
    const { api } = await status()
    for (const args of [['ls'], ['rm', root], ['key', 'ls'], ['save', '--no-cache', tiny]]) {
      const said = await second.ipfs([...args, '--api', api])
      expect(said).toMatchObject({ stdout: '' })
      expect(said.exitCode).not.toBe(0)
    }
    const said = await second.ipfs(['ls', '--api', api])
    expect(said.exitCode).toBe(1)
    expect(said.stderr).toStartWith(
      `ERROR: the IPFS node at ${api} does not let us in (HTTP status 403)\nGive its token`,
    )
    expect((await second.ipfs(['ls'])).exitCode).toBe(3)
    // The first may name the address as before, and the secret is found.
    expect(await gives('ls', '-q', '--api', api)).toBe(`${root}\n`)
    expect(await gives('ls', '-q', '--api', api.replace('127.0.0.1', 'localhost'))).toBe(`${root}\n`)
  })

  test('keeps its secret where only the first, or the engine, can read it', async () => {
    const said = [await gives('node', 'start'), await gives('save', tiny), await gives('node', 'restart')]
    said.push(
      await gives('node', 'status'),
      JSON.stringify(await status()),
      await gives('node', 'logs'),
      await gives('doctor'),
    )
    const made = await secret()
    expect(made).toMatch(SECRET)
    if (kind === 'container') {
      said.push(await engine().docker('container', 'inspect', 'docker-ipfs-node'))
      said.push(await engine().docker('container', 'top', 'docker-ipfs-node', '-e', '-o', 'pid,args'))
      const modes = ['exec', 'docker-ipfs-node', 'ls', '-l', '/data/ipfs/docker-ipfs.secret', '/data/ipfs/config']
      const listed = (await engine().docker(...modes)).split('\n')
      expect(listed.map((line) => line.slice(0, 10))).toEqual(['-rw-------', '-rw-------'])
    } else {
      said.push((await engine().inside(['ps', '-e', '-o', 'args']).finished).stdout)
      const modes = ['', 'secret', 'repo/config'].map((name) => statSync(join(folder(), name)).mode & 0o777)
      expect(modes).toEqual([0o700, 0o600, 0o600])
      expect(statSync(join(folder(), 'secret')).uid).toBe(20001)
      for (const name of ['secret', 'repo/config', 'log']) {
        expect(await second.run(['cat', join(folder(), name)])).toMatchObject({ exitCode: 1, stdout: '' })
      }
    }
    const password = made.slice(-64)
    const pair = Buffer.from(`docker-ipfs:${password}`).toString('base64')
    expect(said.filter((text) => text.includes(password) || text.includes(pair))).toEqual([])
    // The images stay, and so does it.
    await gives('node', 'rm')
    await gives('node', 'start')
    expect(await secret()).toBe(made)
    expect(await gives('ls', '-q')).toBe(`${root}\n`)
  })

  test('gives the second at its gateway what it has, and fetches and asks nothing for it', async () => {
    await gives('save', '-q', tiny)
    const { gateway } = await status()
    const [has, lacks] = [root, 'bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku']
    expect(await codes([`${gateway}/ipfs/${has}?format=raw`, `${gateway}/ipfs/${lacks}?format=raw`])).toEqual([
      '200',
      '404',
    ])
    const others = ['routing/v1/providers/bafkqaaa', 'api/v0/id', 'api/v0/version', 'p2p/x/http/']
    expect(await codes(others.map((path) => `${gateway}/${path}`))).toEqual(['404', '404', '404', '404'])
    expect(await codes([`${gateway}/ipfs/`, `${gateway}/ipfs/${has}`], '-X', 'PUT', '-d', 'x')).toEqual(['405', '405'])
  })

  test('that an earlier docker-ipfs made open is closed by the next start, and nothing is lost', async () => {
    await gives('save', '-q', tiny)
    await (kind === 'container' ? openContainer() : openProcess())
    const { api, openTo } = await status()
    expect(openTo).toBe('everybody')
    expect(await codes([`${api}/api/v0/id`], '-X', 'POST')).toEqual(['200'])
    expect(await gives('ls', '-q')).toBe(`${root}\n`)
    expect(await gives('node', 'status')).toContain(
      '\nOpen to:   every user of this machine; "docker ipfs node restart" closes it\n',
    )
    expect(await gives('doctor')).toContain(
      'every user of this machine may use its API: it was made by an earlier docker-ipfs',
    )

    const started = await first.ipfs(['node', 'start'], env())
    expect(started).toMatchObject({ exitCode: 0 })
    expect(started.stderr).toContain('open to every user of this machine')
    const after = await status()
    expect(after.openTo).toBe('owner')
    expect(await codes([`${after.api}/api/v0/id`], '-X', 'POST')).toEqual(['403'])
    expect(await gives('ls', '-q')).toBe(`${root}\n`)
    expect(await gives('save', '-q', tiny)).toBe(`${root}\n`)
  })

  test('whose secret is lost says so, and has one again after the next start', async () => {
    await gives('save', '-q', tiny)
    const before = await secret()
    if (kind === 'binary') rmSync(join(folder(), 'secret'))
    else await engine().docker('exec', 'docker-ipfs-node', 'rm', '/data/ipfs/docker-ipfs.secret')
    const { api } = await status()
    const lost = await first.ipfs(['ls'], env())
    expect(lost).toMatchObject({ exitCode: 1, stdout: '' })
    expect(lost.stderr).toStartWith(
      `ERROR: the IPFS node at ${api} does not let us in (HTTP status 403)\nIts secret is lost or another one: "docker ipfs node restart" makes`,
    )
    await gives('node', 'start')
    expect(await secret()).not.toBe(before)
    expect(await gives('ls', '-q')).toBe(`${root}\n`)
  })

  /** Puts a container as earlier versions made it in the place of the one that runs, over the same volume. */
  async function openContainer(): Promise<void> {
    const [{ Config }] = JSON.parse(await engine().docker('container', 'inspect', 'docker-ipfs-node')) as [
      { Config: { Env: string[]; Cmd: string[]; Labels: Record<string, string> } },
    ]
    await engine().docker('container', 'stop', 'docker-ipfs-node')
    await engine().docker('container', 'rm', '--force', 'docker-ipfs-node')
    const volume = ['--mount', 'type=volume,source=docker-ipfs-node,target=/data/ipfs', '--entrypoint', '/bin/sh']
    const forget = "ipfs config --json API.Authorizations '{}' && rm /data/ipfs/docker-ipfs.secret"
    await engine().docker('run', '--rm', '--user', '1000', ...volume, KUBO_IMAGE, '-c', forget)
    const { isClosed: _, ...label } = JSON.parse(Config.Labels['docker-ipfs.node'] ?? '')
    // Of the script all that makes a secret is at the end.
    const env = Config.Env.map((one) => one.replace(/\nsecret=.*$/s, ''))
    await engine().docker(
      ...['container', 'run', '--detach', '--init', '--name', 'docker-ipfs-node', '--network', 'host'],
      ...['--label', `docker-ipfs.node=${JSON.stringify(label)}`, ...volume],
      ...env.flatMap((one) => ['--env', one]),
      ...[KUBO_IMAGE, ...Config.Cmd],
    )
    await untilAnswers(`http://127.0.0.1:${label.api}/version`)
  }

  /** Starts the repository's daemon as earlier versions did, without a secret. */
  async function openProcess(): Promise<void> {
    await gives('node', 'stop')
    const file = join(folder(), 'repo/config')
    const config = JSON.parse(readFileSync(file, 'utf8'))
    writeFileSync(file, JSON.stringify({ ...config, API: {} }))
    rmSync(join(folder(), 'secret'))
    const daemon = `ipfs --repo-dir=${join(folder(), 'repo')} daemon >>${join(folder(), 'log')} 2>&1 & echo $! > ${join(folder(), 'pid')}`
    await first.run(['setsid', '--fork', 'sh', '-c', daemon], { env: { IPFS_TELEMETRY: 'off' } })
    await untilAnswers(`http://127.0.0.1:${/tcp\/(\d+)/.exec(config.Addresses.API)?.[1]}/version`)
  }
})

async function untilAnswers(url: string): Promise<void> {
  const ask = [
    'curl',
    '-s',
    '-o',
    '/dev/null',
    '-m',
    '60',
    '--retry',
    '300',
    '--retry-delay',
    '1',
    '--retry-connrefused',
    url,
  ]
  expect(await engine().inside(ask).finished).toMatchObject({ exitCode: 0 })
}

interface Command {
  readonly Name: string
  readonly Subcommands?: readonly Command[] | null
}

/** Listens at a port, refuses as Kubo does, and tells what it was sent. */
const IMPOSTOR = `$| = 1;
my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], Listen => 9, ReuseAddr => 1) or die "taken";
print "listens\\n";
while (my $c = $s->accept) {
  while (<$c>) { print; last if /^\\r?$/ }
  print $c "HTTP/1.1 403 Forbidden\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n";
  close $c;
}`

test('one who listens where the node was is not told its secret', async () => {
  const env = { DOCKER_IPFS_NODE: 'binary' }
  expect(await first.ipfs(['save', '-q', tiny], env)).toMatchObject({ exitCode: 0 })
  const folder = join(first.home, '.local/share/docker-ipfs/node')
  const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'))
  const port = readFileSync(join(folder, 'repo/api'), 'utf8').trim().split('/').at(-1) ?? ''
  process.kill(pid, 'SIGKILL')
  while (readdirSync('/proc').includes(`${pid}`)) await Bun.sleep(20)
  let heard = ''
  const up = Promise.withResolvers<void>()
  const impostor = second.start(['perl', '-MIO::Socket::INET', '-e', IMPOSTOR, port], {
    onStdout: (text) => {
      heard += text
      if (heard.includes('listens')) up.resolve()
    },
  })
  await Promise.race([up.promise, impostor.finished])
  const read = await first.ipfs(['ls'], env)
  expect(read).toMatchObject({ exitCode: 3, stdout: '' })
  expect(await first.ipfs(['node', 'status'], env)).toMatchObject({ stdout: expect.stringContaining('stopped') })
  await first.ipfs(['ls', '--api', `http://127.0.0.1:${port}`], env)
  expect(await first.ipfs(['ls', '-q'], env)).toMatchObject({ exitCode: 3 })
  expect(await first.ipfs(['save', '-q', tiny], env)).toMatchObject({ exitCode: 0, stdout: `${root}\n` })
  impostor.end()
  await impostor.finished
  expect(heard).toContain('POST /api/v0/')
  expect(heard).not.toMatch(/authorization/i)
  expect(await first.ipfs(['node', 'rm', '-v'], env)).toMatchObject({ exitCode: 0 })
})
