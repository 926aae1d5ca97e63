import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import metadata from '../../plugin-metadata.json' with { type: 'json' }
import { ENGINES } from '../support/engine.ts'
import { type Finished, PLUGIN } from '../support/place.ts'
import { useReal } from '../support/real.ts'
import { run, script, stateOfNode } from '../support/scripts.ts'

const NAME = ENGINES[0] ?? ''
const real = useReal({ engines: [NAME], nodes: ['node', 'peer'] })
const node = () => real.node('node')

interface Row {
  readonly Part: string
  readonly Check: string
  readonly State: 'ok' | 'warn' | 'fail'
  readonly Found: string
  readonly Todo: string
}

interface Options {
  readonly host?: string
  readonly api?: string
  readonly config?: string
}

function start(args: readonly string[], { host, api, config }: Options = {}): Promise<Finished> {
  const globals = ['--config', config ?? real.place.dockerConfig, '-H', host ?? real.engine(NAME).host]
  const env = { DOCKER_IPFS_API: api ?? node().api }
  return real.place.run('docker', [...globals, 'ipfs', 'doctor', ...args], { env })
}

/** What the doctor finds that is not all right. */
async function faults(options?: Options): Promise<readonly (readonly unknown[])[]> {
  const run = await start(['--format', 'json'], options)
  expect(await real.place.processesLeft()).toEqual([])
  const rows = run.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Row)
  const isFailed = rows.some(({ State }) => State === 'fail')
  expect(run.exitCode).toBe(isFailed ? 1 : 0)
  expect(run.stderr.includes('checks failed')).toBe(isFailed)
  for (const { State, Todo } of rows) expect(Todo === '').toBe(State === 'ok')
  return rows
    .filter(({ State }) => State !== 'ok')
    .map(({ Part, Check, State, Found, Todo }) => [`${State}: ${Part} ${Check}`, Found, Todo])
}

/** Of private nodes nobody may hear; that is a warning in each of these tests. */
const QUIET = ['warn: node announcing', expect.stringContaining('Routing.Type is "none"'), expect.anything()]

beforeAll(() => node().connect(real.node('peer')))

test('where all is well it says what there is, and ends with 0', async () => {
  const run = await real.leavingNothing(() => start([]))
  expect(run).toMatchObject({ exitCode: 0, stderr: '' })
  const lines = run.stdout.split('\n').map((line) => line.replace(/ {2,}/g, '  '))
  expect(lines).toContainEqual(expect.stringMatching(/^ok {2}engine version {2}Docker \d+\.\d+/))
  expect(lines).toContain(`ok  node address  http://127.0.0.1:${node().port} (from DOCKER_IPFS_API)`)
  expect(lines).toContainEqual(expect.stringMatching(/^ok {2}node version {2}Kubo \d+\.\d+/))
  expect(lines).toContain('ok  node peers  connected to 1')
  expect(lines).toContainEqual(expect.stringMatching(/^ok {2}node storage {2}.* used, StorageMax .* left on its disk$/))
  expect(lines).toContain('ok  plugin copies  docker has this one alone')
  expect(await faults()).toEqual([QUIET])
})

test('an engine that is down', async () => {
  const host = `unix://${real.place.folder}/nothing.sock`
  expect(await faults({ host })).toEqual([
    [
      'fail: engine reachable',
      `cannot reach the Docker engine: Cannot connect to the Docker daemon at ${host}. Is the docker daemon running?`,
      'Start Docker, or choose another engine with --context or -H.',
    ],
    QUIET,
  ])
})

test('a node that is down', async () => {
  const { api, port } = node()
  await node().stop()
  const found = await faults({ api })
  await node().restart()
  await node().connect(real.node('peer'))
  expect(found).toEqual([
    [
      'fail: node reachable',
      `cannot reach the IPFS node at http://127.0.0.1:${port}`,
      expect.stringContaining('this address is from DOCKER_IPFS_API'),
    ],
  ])
})

test('the port of the gateway', async () => {
  expect(await faults({ api: node().gateway })).toEqual([
    [
      'fail: node reachable',
      expect.stringMatching(/^what is at http:\/\/127.0.0.1:\d+ does not answer as Kubo's RPC API does \(/),
      expect.stringContaining("the API's port is mostly 5001, the gateway's 8080"),
    ],
  ])
})

test('a wrong port, where Kubo itself has written down the right one', async () => {
  const api = 'http://127.0.0.1:1'
  const env = { DOCKER_IPFS_API: api, IPFS_PATH: node().repo }
  const run = await real.place.run('docker', ['-H', real.engine(NAME).host, 'ipfs', 'doctor'], { env })
  expect(run.exitCode).toBe(1)
  const at = `http://127.0.0.1:${node().port} (from ${node().repo}/api)`
  expect(run.stdout).toContain(`cannot reach the IPFS node at ${api}\n`)
  expect(run.stdout).toContain(`-> A node answers at ${at}: name that one, or take DOCKER_IPFS_API out.\n`)
})

test('an old Kubo', async () => {
  const front = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: () => Response.json({ Version: '0.11.0', Commit: '' }),
  })
  const api = `http://127.0.0.1:${front.port}`
  const found = await faults({ api })
  await front.stop(true)
  expect(found).toEqual([
    [
      'fail: node reachable',
      `the IPFS node at ${api} is Kubo 0.11.0, which is too old`,
      'Update it: 0.23.0 is the oldest that docker-ipfs works with.',
    ],
  ])
})

describe('a node', () => {
  const folder = stateOfNode('small')

  beforeAll(async () => {
    mkdirSync(folder, { recursive: true })
    run('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', folder])
    await real.startNode('small')
  })
  afterAll(async () => {
    await script('node', 'stop', 'small')
    // Lazily: a process that has just ended may not have closed all its files yet.
    run('umount', ['--lazy', folder])
  })

  const small = () => ({ api: real.node('small').api })
  const ALONE = ['warn: node peers', expect.stringMatching(/^connected to no peer: /), expect.anything()]

  test('without a peer, whose disk is full', async () => {
    expect(await faults(small())).toEqual([
      ALONE,
      [
        'fail: node storage',
        expect.stringMatching(/^its disk is full: .* used, StorageMax 10GB, [\d.]+MB left on its disk$/),
        expect.stringContaining('docker ipfs rm'),
      ],
      QUIET,
    ])
  })

  test('that has nearly reached its own limit', async () => {
    await node().configure((config) => {
      const datastore = config['Datastore']
      if (datastore !== undefined) datastore['StorageMax'] = '20KB'
    })
    await node().stop()
    await node().restart()
    await node().connect(real.node('peer'))
    expect(await faults()).toEqual([
      ['warn: node storage', expect.stringMatching(/^\d+ % of its limit: .*StorageMax 20kB/), expect.anything()],
      QUIET,
    ])
  })
})

describe('the plugin', () => {
  /** A docker config with this plugin in an extra folder, which docker looks into first, and another in the usual one. */
  function twoCopies(name: string): { readonly config: string; readonly used: string; readonly hidden: string } {
    const config = join(real.place.folder, name)
    const [used, hidden] = [join(config, 'extra/docker-ipfs'), join(config, 'cli-plugins/docker-ipfs')]
    for (const path of ['extra', 'cli-plugins']) mkdirSync(join(config, path), { recursive: true })
    symlinkSync(PLUGIN, used)
    writeFileSync(join(config, 'config.json'), JSON.stringify({ cliPluginsExtraDirs: [join(config, 'extra')] }))
    return { config, used, hidden }
  }
  const version = metadata.Version

  test('with a second copy of the same version', async () => {
    const { config, used, hidden } = twoCopies('same')
    copyFileSync(PLUGIN, hidden)
    expect(await faults({ config })).toContainEqual([
      'warn: plugin copies',
      `a second copy, ${hidden} (${version}) is hidden by ${used} (${version})`,
      `Delete ${hidden}.`,
    ])
  })

  test('that hides a newer one', async () => {
    const { config, used, hidden } = twoCopies('newer')
    writeFileSync(hidden, `#!/bin/sh\necho '${JSON.stringify({ ...metadata, Version: '9.0.0' })}'\n`)
    chmodSync(hidden, 0o755)
    expect(await faults({ config })).toContainEqual([
      'warn: plugin copies',
      `a newer copy, ${hidden} (9.0.0) is hidden by ${used} (${version})`,
      `Delete ${used}, so that docker takes the newer one.`,
    ])
  })

  test('that is not the one that docker starts', async () => {
    const other = join(real.place.folder, 'docker-ipfs')
    copyFileSync(PLUGIN, other)
    const globals = ['-H', real.engine(NAME).host, 'ipfs', 'doctor']
    const run = await real.place.run(other, globals, { env: { DOCKER_IPFS_API: node().api } })
    expect(run.exitCode).toBe(0)
    expect(run.stdout).toContain(`docker starts another copy: ${real.place.dockerConfig}/cli-plugins/docker-ipfs`)
  })
})

describe('settings', () => {
  function configWith(name: string, text: string): string {
    const config = join(real.place.folder, name)
    mkdirSync(join(config, 'cli-plugins'), { recursive: true })
    symlinkSync(PLUGIN, join(config, 'cli-plugins/docker-ipfs'))
    writeFileSync(join(config, 'config.json'), text)
    return config
  }

  test('in a config.json that is no JSON', async () => {
    const config = configWith('broken', '{"plugins": oops')
    const file = join(config, 'config.json')
    expect(await faults({ config })).toContainEqual([
      'fail: config settings',
      `cannot read ${file}: it is no JSON`,
      `Mend it in ${file} or in the environment.`,
    ])
    // Other commands go on.
    const env = { DOCKER_IPFS_API: node().api }
    const ls = await real.place.run('docker', ['--config', config, 'ipfs', 'ls', '-q'], { env })
    expect(ls).toMatchObject({ exitCode: 0, stdout: '' })
    expect(ls.stderr).toContain(`WARNING: cannot read ${file}: it is no JSON\n`)
  })

  test('that are unknown, or no text, or not among the choices; and a secret that others can read', async () => {
    const secret = join(real.place.folder, 'secret')
    writeFileSync(secret, 'token', { mode: 0o644 })
    const ipfs = { apis: 'x', progress: 'loud', api: node().api, apiAuthFile: secret }
    const config = configWith('unknown', JSON.stringify({ plugins: { ipfs } }))
    const file = join(config, 'config.json')
    const found = await faults({ config, api: '' })
    expect(found).toContainEqual([
      'warn: config settings',
      expect.stringContaining(`unknown setting plugins.ipfs.apis in ${file}; there are api, `),
      'Check its spelling, or take it out.',
    ])
    expect(found).toContainEqual([
      'fail: config settings',
      expect.stringContaining(`"loud" (plugins.ipfs.progress of ${file}) is left out`),
      expect.anything(),
    ])
    expect(found).toContainEqual([
      'warn: config secret',
      `other users of this machine can read ${secret}`,
      `chmod 600 ${secret}`,
    ])
  })

  test('of which the address cannot be read', async () => {
    expect(await faults({ api: 'htp://someone:hidden@node' })).toEqual([
      [
        'fail: node address',
        'cannot read the node\'s address "…@node" (from DOCKER_IPFS_API)',
        expect.stringContaining('multiaddr'),
      ],
    ])
  })
})

test('a template that cannot be read is refused before anything is looked at', async () => {
  const run = await start(['--format', '{{.Nothing}}'])
  expect(run).toMatchObject({ exitCode: 125, stdout: '' })
})
