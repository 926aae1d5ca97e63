import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DockerIpfsError } from '../../../src/errors.ts'
import { createBinaryHost } from '../../../src/managed/binary.ts'
import { BinarySetup, isAlive, useBinary } from '../../support/binary-host.ts'
import { withFastClock } from '../../support/fast-clock.ts'
import { STARTED } from '../../support/ipfs-program.ts'
import { useOwnPorts } from '../../support/own-ports.ts'

useOwnPorts()

const KEY = `/key/swarm/psk/1.0.0/\n/base16/\n${'0123456789abcdef'.repeat(4)}\n`
const never = new AbortController().signal
const setup = useBinary()

describe('a node as a process', () => {
  test('is made, listens on loopback with our settings, and answers', async () => {
    expect(await setup.host.state(never)).toBeUndefined()
    const state = await setup.start()
    expect(await setup.peerAt(state)).toBe(setup.config.Identity.PeerID)
    expect(setup.config).toMatchObject({
      Addresses: {
        API: state.api.replace('http://127.0.0.1:', '/ip4/127.0.0.1/tcp/'),
        Gateway: state.gateway.replace('http://127.0.0.1:', '/ip4/127.0.0.1/tcp/'),
      },
      Datastore: { StorageMax: '50GB' },
      Bootstrap: ['auto'],
    })
    expect(state).toMatchObject({
      isRunning: true,
      details: `process ${setup.pid}`,
      repository: join(setup.folder, 'repo'),
    })
    expect(await setup.host.state(never)).toEqual(state)
    expect(setup.said).toEqual([
      `Starting an IPFS node of docker-ipfs (${setup.ipfs}; "docker ipfs node stop" ends it)`,
    ])
    expect(statSync(setup.folder).mode & 0o777).toBe(0o700)
  })

  test("is in a folder of its own, and without the user's settings for another", async () => {
    await setup.start({}, setup.hostWith({ IPFS_PATH: '/elsewhere', LIBP2P_FORCE_PNET: '1', LANG: 'C' }))
    expect(setup.started.cwd).toBe(setup.folder)
    const { env } = setup.started
    expect(env).toMatchObject({ IPFS_TELEMETRY: 'off', LANG: 'C' })
    // With the argument alone Kubo makes a ~/.ipfs.
    expect(env['IPFS_PATH']).toBe(join(setup.folder, 'repo'))
    expect(env).not.toHaveProperty('LIBP2P_FORCE_PNET')
  })

  test('that runs is joined', async () => {
    const first = await setup.start()
    expect(await setup.start()).toEqual(first)
    expect(setup.said).toHaveLength(1)
  })

  test('is one where another comes to start it before it answers', async () => {
    const goOn = join(setup.folder, 'go-on')
    const slow = setup.hostWith({ WAITS_FOR: goOn })
    const one = setup.start({}, slow)
    while (!existsSync(join(setup.folder, 'repo', STARTED))) await Bun.sleep(5)
    const other = setup.start({})
    while (!(await setup.logs().catch(() => '')).includes('someone else has the lock')) await Bun.sleep(5)
    writeFileSync(goOn, '')
    const [{ api }, joined] = await Promise.all([one, other])
    expect(joined.api).toBe(api)
    expect(await setup.peerAt({ api })).toBe(setup.config.Identity.PeerID)
    await setup.host.stop(never)
    expect(await setup.peerAt({ api })).toBeUndefined()
  })

  test('has one repository where two make it at once', async () => {
    const states = await Promise.all([setup.start(), setup.start({}, setup.hostWith({}))])
    expect(await Promise.all(states.map((state) => setup.peerAt(state)))).toEqual([
      setup.config.Identity.PeerID,
      setup.config.Identity.PeerID,
    ])
    expect(readdirSync(setup.folder).sort()).toEqual(['kept.json', 'log', 'pid', 'repo', 'secret'])
  })

  test('needs an ipfs', async () => {
    const none = createBinaryHost({ ipfs: undefined, folder: setup.folder, env: {} })
    await expect(none.start({}, never, () => undefined)).rejects.toMatchObject({
      code: 'NODE_UNREACHABLE',
      message: 'there is no ipfs on PATH',
    })
    expect(existsSync(setup.folder)).toBe(false)
  })
})

describe('a process that does not come up', () => {
  test('says what it said last', async () => {
    const full = setup.hostWith({ SAYS_AT_START: 'no space left on device' })
    await expect(setup.start({}, full)).rejects.toMatchObject({
      code: 'NODE_UNREACHABLE',
      message: 'the IPFS node of docker-ipfs did not start: Error: no space left on device',
      hint: 'Its log: docker ipfs node logs',
    })
    expect(await setup.logs()).toBe('Initializing daemon...\nError: no space left on device\n')
  })

  test('says so where it has no repository, and leaves nothing', async () => {
    const broken = setup.hostWith({ SAYS_AT_INIT: 'mkdir: read-only file system' })
    await expect(setup.start({}, broken)).rejects.toMatchObject({
      code: 'NODE_UNREACHABLE',
      message: `cannot make an IPFS repository in ${setup.folder}: Error: mkdir: read-only file system`,
    })
    expect(readdirSync(setup.folder)).toEqual([])
    expect(await setup.host.state(never)).toBeUndefined()
  })

  test.each([
    ['/dev/null/home', 'ENOTDIR'],
    ['/proc/home', 'ENOENT'],
  ])('says so where there can be no folder: %s', async (folder, why) => {
    const { ipfs } = setup
    const host = createBinaryHost({ ipfs, folder: join(folder, 'node'), env: { PATH: process.env['PATH'] } })
    await expect(setup.start({}, host)).rejects.toMatchObject({
      code: 'FILE_FAILED',
      message: expect.stringMatching(new RegExp(`^the IPFS node of docker-ipfs cannot write its folder: ${why}`)),
      hint: `Its place is ${folder}/node; XDG_DATA_HOME names another folder for it.`,
    })
  })

  test('is not begun when the user has had enough, and not waited for', async () => {
    const cancelled = new DockerIpfsError('CANCELLED', 'cancelled')
    const over = AbortSignal.abort(cancelled)
    expect(await setup.start({}, setup.host, over).catch((error) => error)).toBe(cancelled)
    expect(readdirSync(setup.folder)).toEqual([])
    const stop = new AbortController()
    const mute = setup.hostWith({ WAITS_FOR: join(setup.folder, 'never') })
    const starting = setup.start({}, mute, stop.signal)
    while (!existsSync(join(setup.folder, 'pid'))) await Bun.sleep(5)
    stop.abort(cancelled)
    await expect(starting).rejects.toHaveProperty('cause', cancelled)
    expect(isAlive(setup.pid)).toBe(false)
    expect(setup.said.at(-1)).toBe('Ending the IPFS node of docker-ipfs, which had not started yet')
    expect(await setup.start()).toMatchObject({ isRunning: true })
  })

  test('of others is left to them by whoever has had enough of waiting', async () => {
    const goOn = join(setup.folder, 'go-on')
    const first = setup.start({}, setup.hostWith({ WAITS_FOR: goOn }))
    while (!existsSync(join(setup.folder, 'repo', STARTED))) await Bun.sleep(5)
    const { pid } = setup.started
    const stop = new AbortController()
    const second = setup.start({}, setup.host, stop.signal)
    while (!setup.read('log').includes('someone else has the lock')) await Bun.sleep(5)
    stop.abort(new DockerIpfsError('CANCELLED', 'cancelled'))
    await expect(second).rejects.toThrow()
    expect(isAlive(pid)).toBe(true)
    writeFileSync(goOn, '')
    expect(await first).toMatchObject({ isRunning: true })
    expect(setup.started.pid).toBe(pid)
  })

  test('is starting until it answers, and not when it has not answered for long', async () => {
    const goOn = join(setup.folder, 'go-on')
    const starting = setup.start({}, setup.hostWith({ WAITS_FOR: goOn }))
    while (!existsSync(join(setup.folder, 'pid'))) await Bun.sleep(5)
    expect(await setup.host.state(never)).toMatchObject({
      isRunning: false,
      isStarting: true,
      details: `process ${setup.pid}`,
    })
    const longAgo = new Date(Date.now() - 70_000)
    utimesSync(join(setup.folder, 'pid'), longAgo, longAgo)
    expect(await setup.host.state(never)).toMatchObject({ isRunning: false, details: 'stopped' })
    writeFileSync(goOn, '')
    await starting
    expect((await setup.host.state(never))?.isStarting).toBeUndefined()
  })

  test('is waited for a while where another has the lock, who may be on the way', async () => {
    await setup.start()
    // It has the lock, but is not to be found at its address.
    rmSync(join(setup.folder, 'repo/api'))
    await expect(withFastClock(() => setup.start())).rejects.toMatchObject({
      code: 'NODE_UNREACHABLE',
      message: 'the IPFS node of docker-ipfs did not start: no answer for 60 s',
    })
    expect(await setup.logs('1')).toMatch(/^Error: lock .*: someone else has the lock\n$/)
  })
})

describe('the ports of a process', () => {
  test('stay, unless somebody has taken them', async () => {
    const first = await setup.start()
    await setup.host.stop(never)
    const second = await setup.start()
    expect(second).toMatchObject({ api: first.api, gateway: first.gateway })
    await setup.host.stop(never)
    setup.take(Number(new URL(first.gateway).port))
    const third = await setup.start()
    expect(await setup.peerAt(third)).toBe(setup.config.Identity.PeerID)
    expect([first.api, first.gateway]).not.toContain(third.gateway)
  })

  test.each(['API', 'Gateway'])(
    'that somebody takes before the node has them are not insisted on: %s',
    async (which) => {
      const goOn = join(setup.folder, 'go-on')
      const starting = setup.start({ storageMax: '7GB' }, setup.hostWith({ WAITS_FOR: goOn }))
      while (!existsSync(join(setup.folder, 'repo', STARTED))) await Bun.sleep(5)
      const taken = Number(setup.config.Addresses[which].split('/').at(-1))
      setup.take(taken)
      writeFileSync(goOn, '')
      const state = await starting
      expect(await setup.peerAt(state)).toBe(setup.config.Identity.PeerID)
      expect(JSON.stringify(setup.config.Addresses)).not.toContain(`${taken}`)
      expect(setup.config.Datastore.StorageMax).toBe('7GB')
      expect(await setup.host.state(never)).toMatchObject(state)
      expect(isAlive(setup.pid)).toBe(true)
    },
  )

  test('are tried four times', async () => {
    const words = 'serveHTTPApi: manet.Listen(/ip4/127.0.0.1/tcp/PORT) failed: bind: address already in use'
    const starting = setup.start({}, setup.hostWith({ SAYS_AT_START: words }))
    await expect(starting).rejects.toMatchObject({
      code: 'NODE_UNREACHABLE',
      message: expect.stringMatching(/^the IPFS node of docker-ipfs did not start: .*address already in use$/),
    })
    expect((await setup.logs()).match(/Initializing/g)).toHaveLength(4)
  })

  test('of two users who start at once are two pairs', async () => {
    const other = new BinarySetup()
    other.renew()
    try {
      for (let round = 0; round < 3; round += 1) {
        const states = await Promise.all([setup.start(), other.start()])
        expect(await Promise.all([setup.peerAt(states[0]), other.peerAt(states[1])])).toEqual([
          setup.config.Identity.PeerID,
          other.config.Identity.PeerID,
        ])
        expect(new Set(states.flatMap(({ api, gateway }) => [api, gateway])).size).toBe(4)
        await Promise.all([setup.host.remove(true, never), other.host.remove(true, never)])
      }
    } finally {
      other.close()
    }
  })
})

test('a start that finds another at its end leaves the number of that, which can be stopped', async () => {
  await setup.start()
  const [number, api] = [setup.pid, setup.read('repo/api')]
  // The second looked before the first had written its address.
  rmSync(join(setup.folder, 'repo/api'))
  const second = setup.start()
  while (!setup.read('log').includes('someone else has the lock')) await Bun.sleep(10)
  writeFileSync(join(setup.folder, 'repo/api'), api)
  await second
  expect(setup.pid).toBe(number)
  await setup.host.stop(never)
  expect(isAlive(number)).toBe(false)
})

test('a process that nobody answers for does not run, also where its config names nobody', async () => {
  await setup.start()
  await setup.host.stop(never)
  const { Identity, ...rest } = setup.config
  expect(Identity.PeerID).not.toBe('')
  writeFileSync(join(setup.folder, 'repo/config'), JSON.stringify(rest))
  writeFileSync(join(setup.folder, 'repo/api'), '/ip4/127.0.0.1/tcp/9')
  expect(await setup.host.state(never)).toMatchObject({ isRunning: false, details: 'stopped' })
})

describe('the settings of a process', () => {
  test('are written once, so that what the user changes afterwards stays', async () => {
    await setup.start()
    await setup.host.stop(never)
    const own = { ...setup.config, Datastore: { StorageMax: '7GB' }, Routing: { Type: 'none' } }
    writeFileSync(join(setup.folder, 'repo/config'), JSON.stringify(own))
    await setup.start()
    expect(setup.config).toEqual(own)
    await setup.start({ storageMax: '9GB' })
    expect(setup.config).toMatchObject({ Datastore: { StorageMax: '9GB' }, Routing: { Type: 'none' } })
  })

  test('are joined by new options, for which a node that runs is started again', async () => {
    const first = await setup.start({ storageMax: '9GB' })
    const [peer, number] = [await setup.peerAt(first), setup.pid]
    const second = await setup.start({ announce: true })
    expect(await setup.peerAt(second)).toBe(peer)
    expect(isAlive(number)).toBe(false)
    expect(setup.config).toMatchObject({
      Datastore: { StorageMax: '9GB' },
      Provide: { Enabled: true, Strategy: 'pinned+mfs+entities' },
    })
    expect(setup.said).toHaveLength(2)
  })

  test.each([
    ['0.40.1', 'roots'],
    ['0.41.0', 'pinned+mfs+entities'],
    ['0.100.0', 'pinned+mfs+entities'],
    ['what?', 'pinned+mfs+entities'],
  ])('announce what Kubo %s knows how to', async (version, Strategy) => {
    await setup.start({ announce: true }, setup.hostWith({ SAYS_VERSION: version }))
    expect(setup.config).toMatchObject({ Provide: { Enabled: true, Strategy } })
  })

  test('of a node that announced roots become those of now when it is started again', async () => {
    await setup.start({ announce: true }, setup.hostWith({ SAYS_VERSION: '0.40.1' }))
    await setup.host.stop(never)
    await setup.start()
    expect(setup.config).toMatchObject({ Provide: { Enabled: true, Strategy: 'pinned+mfs+entities' } })
  })

  test('keep a swarm key in the repository alone, and the node private from then on', async () => {
    await setup.start({ swarmKey: KEY })
    expect(setup.read('repo/swarm.key')).toBe(KEY)
    expect(statSync(join(setup.folder, 'repo/swarm.key')).mode & 0o777).toBe(0o400)
    expect(`${setup.read('kept.json')}${setup.started.args}${JSON.stringify(setup.started.env)}`).not.toContain(
      '0123456789abcdef',
    )
    expect(setup.started.env).toMatchObject({ LIBP2P_FORCE_PNET: '1' })
    expect(setup.config.Bootstrap).toEqual([])
    const other = KEY.replaceAll('0', '1')
    await setup.start({ swarmKey: other })
    expect(setup.read('repo/swarm.key')).toBe(other)
    await setup.start({ storageMax: '9GB' })
    expect(setup.started.env).toMatchObject({ LIBP2P_FORCE_PNET: '1' })
  })
})
