import { describe, expect, test } from 'bun:test'
import { hostname, release } from 'node:os'
import { DockerIpfsError } from '../../../src/errors.ts'
import { createContainerHost } from '../../../src/managed/container.ts'
import { CONTAINER, IMAGE, NETWORK } from '../../../src/managed/container-arguments.ts'
import { useContainer } from '../../support/container-host.ts'
import { withFastClock } from '../../support/fast-clock.ts'
import { useOwnPorts } from '../../support/own-ports.ts'

useOwnPorts()

const never = new AbortController().signal
const setup = useContainer()

describe('a node in a container', () => {
  test('is made complete in one step, answers, and has a network and a volume of its own', async () => {
    expect(await setup.host.state(never)).toBeUndefined()
    const state = await setup.start()
    expect(await setup.peerAt(state)).toBe(setup.peer)
    expect(state).toMatchObject({ isRunning: true, repository: `volume ${CONTAINER}` })
    const { api, gateway } = setup.label
    expect(state).toMatchObject({ api: `http://127.0.0.1:${api}`, gateway: `http://127.0.0.1:${gateway}` })
    expect(setup.calls('container ').filter((call) => !/^container (ls|cp|logs)/.test(call))).toEqual([
      expect.stringContaining(`--network ${NETWORK} --restart unless-stopped `),
      `container start ${CONTAINER}`,
    ])
    for (const kind of [setup.docker.networks, setup.docker.volumes]) {
      expect([...kind].map(([name, { labels }]) => [name, [...labels.keys()]])).toEqual([
        [CONTAINER, ['docker-ipfs.node']],
      ])
    }
    expect(setup.said).toEqual([expect.stringMatching(/^Starting an IPFS node of docker-ipfs in the container /)])
    expect(await setup.host.state(never)).toEqual({ ...state, details: `${IMAGE}, Up Less than a second` })
  })

  test("has the machine's network where the engine is on this very machine", async () => {
    setup.docker.machine = { name: hostname(), kernel: release(), security: '[]' }
    expect(await setup.peerAt(await setup.start())).toBeDefined()
    expect(setup.container).toMatchObject({ network: 'host', published: [] })
    expect(setup.docker.networks.size).toBe(0)
  })

  test('is starting until it answers', async () => {
    setup.docker.isHere = false
    const stop = new AbortController()
    const starting = setup.start({}, stop.signal).catch(() => undefined)
    while (!setup.container?.isRunning) await Bun.sleep(5)
    expect(await setup.host.state(never)).toMatchObject({ isRunning: true, isStarting: true })
    stop.abort()
    await starting
  })

  test('is of an image that is pulled where it is missing', async () => {
    setup.docker.images.clear()
    await setup.start()
    expect(setup.said[0]).toBe(`Pulling ${IMAGE}`)
    expect(setup.calls('image pull')).toEqual([`image pull --quiet ${IMAGE}`])
  })

  test('says what the engine says where the image cannot be had, and leaves nothing', async () => {
    setup.docker.images.clear()
    setup.docker.registry.clear()
    await expect(setup.start()).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: expect.stringContaining('manifest unknown'),
    })
    expect(setup.docker.containers.size).toBe(0)
  })

  test('that runs is joined, and one that is stopped is started as it was', async () => {
    const first = await setup.start({ storageMax: '7GB' })
    const peer = await setup.peerAt(first)
    expect(await setup.peerAt(await setup.start())).toBe(peer)
    await setup.host.stop(never)
    expect(await setup.host.state(never)).toMatchObject({
      isRunning: false,
      details: expect.stringContaining('Exited (0)'),
    })
    expect(await setup.peerAt(first)).toBeUndefined()
    expect(await setup.start()).toMatchObject({ isRunning: true, api: first.api })
    expect(await setup.peerAt(first)).toBe(peer)
    expect(setup.label).toMatchObject({ storageMax: '7GB' })
    expect(setup.calls('container create')).toHaveLength(1)
    expect(setup.said).toHaveLength(1)
  })
})

describe('whoever comes second', () => {
  test('joins the first', async () => {
    const [one, other] = await Promise.all([
      setup.start(),
      createContainerHost(setup.docker).start({}, never, () => undefined),
    ])
    expect(setup.calls('container create')).toHaveLength(2)
    expect(setup.docker.containers.size).toBe(1)
    expect(other.api).toBe(one.api)
    expect(await setup.peerAt(other)).toBe(await setup.peerAt(one))
  })

  /** Has a list of containers show the one that there is only when it is asked for the n-th time. */
  function hideUntil(nth: number): void {
    setup.docker.unseen.add(CONTAINER)
    setup.before('container ls', (now) => void (now === nth && setup.docker.unseen.clear()))
  }

  // It is looked for by its label and by its name, in turn.
  test.each([4, 5, 6])('waits where the name is taken before the container can be seen, at look %d', async (nth) => {
    await setup.start()
    hideUntil(nth)
    const { api } = await setup.start()
    expect(api).toBe(`http://127.0.0.1:${setup.label['api']}`)
    expect(setup.calls('container create')).toHaveLength(2)
  })

  test('does not take away what it came too late to make, and what does not work', async () => {
    await setup.start()
    await setup.host.stop(never)
    setup.docker.lastWords = 'Error: no space left on device'
    hideUntil(4)
    await expect(withFastClock(() => setup.start())).rejects.toThrow('no space left on device')
    expect(setup.container).toBeDefined()
  })

  test('does not take away what it has joined and what does not work', async () => {
    await setup.start()
    await setup.host.stop(never)
    setup.docker.lastWords = 'Error: no space left on device'
    await expect(withFastClock(() => setup.start())).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
    expect(setup.container).toBeDefined()
  })
})

describe.each(['published', 'host'])('ports that are taken meanwhile (%s)', (network) => {
  const asked = (): number[] => {
    const { api, gateway } = JSON.parse(
      /docker-ipfs\.node=(\{.*?\})/.exec(setup.calls('container create').at(-1) ?? '')?.[1] ?? '',
    )
    return [api, gateway]
  }
  const start = (options = {}) => {
    if (network === 'host') setup.docker.machine = { name: hostname(), kernel: release(), security: '[]' }
    return withFastClock(() => setup.start(options))
  }
  const takeAt = (last: number, which: number) =>
    setup.before('container start', (nth) => void (nth <= last && setup.take(asked()[which] ?? 0)))

  test.each([
    ['API', 0],
    ['gateway', 1],
  ])('are not insisted on: %s', async (_, which) => {
    takeAt(2, which)
    const state = await start({ storageMax: '7GB' })
    expect(await setup.peerAt(state)).toBe(setup.peer)
    expect(setup.calls('container create')).toHaveLength(3)
    expect(setup.calls('container rm')).toHaveLength(2)
    expect(state.api).toBe(`http://127.0.0.1:${asked()[0]}`)
    expect(setup.label).toMatchObject({ storageMax: '7GB' })
    expect(setup.docker.containers.size).toBe(1)
  })

  test('are tried four times', async () => {
    takeAt(9, 1)
    await expect(start()).rejects.toMatchObject({ message: expect.stringContaining('in use') })
    expect(setup.calls('container create')).toHaveLength(4)
    expect(setup.docker.containers.size).toBe(0)
  })

  test('while the node was stopped are given up for others, and its options and images stay', async () => {
    const before = await start({ storageMax: '7GB' })
    const peer = setup.peer
    await setup.host.stop(never)
    setup.take(Number(new URL(before.gateway).port))
    const state = await start()
    expect(await setup.peerAt(state)).toBe(peer)
    expect(state.gateway).not.toBe(before.gateway)
    expect(setup.label).toMatchObject({ storageMax: '7GB' })
    expect(setup.said.at(-1)).toBe("A port of the IPFS node of docker-ipfs is somebody else's: it gets others")
  })

  test('by the container of another start are that one that is joined', async () => {
    await start()
    await setup.host.stop(never)
    setup.take(Number(setup.label['api']))
    const states = await Promise.all([start(), start(), start()])
    expect(new Set(states.map(({ api }) => api)).size).toBe(1)
    expect(await setup.peerAt(states[0])).toBe(setup.peer)
    expect(setup.docker.containers.size).toBe(1)
  })
})

test('a port of the swarm that is taken is the choice of the user, and told', async () => {
  const words =
    'Error: constructing the node: failed to listen on any addresses: [listen tcp4 0.0.0.0:4001: bind: address already in use]'
  setup.docker.lastWords = words
  await expect(withFastClock(() => setup.start({ swarmPort: 4001 }))).rejects.toMatchObject({
    code: 'NODE_UNREACHABLE',
    message: `the container ${CONTAINER} did not start: ${words}`,
  })
  expect(setup.calls('container create')).toHaveLength(1)
})

describe('a container that cannot work', () => {
  test('says its last words, and is removed so that it is not found next time', async () => {
    setup.docker.lastWords = 'Error: Your programs version (16) is lower than your repos (18).'
    await expect(withFastClock(() => setup.start())).rejects.toMatchObject({
      code: 'NODE_UNREACHABLE',
      message: `the container ${CONTAINER} did not start: Error: Your programs version (16) is lower than your repos (18).`,
      hint: 'With DOCKER_IPFS_NODE=binary an ipfs on PATH is used instead.',
    })
    expect(setup.docker.containers.size).toBe(0)
    expect(setup.docker.volumes.has(CONTAINER)).toBe(true)
  })

  test('says them also where the engine writes them down a moment after it has ended', async () => {
    const words = 'Error: Your programs version (16) is lower than your repos (18).'
    setup.docker.lastWords = 'WebUI: http://127.0.0.1:5301/webui'
    let looks = 0
    const { follow } = setup.docker
    setup.docker.follow = async function* (args, signal) {
      yield* follow.call(setup.docker, args, signal)
      looks += 1
      if (looks > 1) yield Buffer.from(`\n${words}\n`)
    }
    await expect(setup.start()).rejects.toThrow(`did not start: ${words}`)
    expect(looks).toBe(2)
  })

  test('is removed where it never answers from here', async () => {
    setup.docker.isHere = false
    await expect(withFastClock(() => setup.start())).rejects.toMatchObject({
      code: 'NODE_UNREACHABLE',
      message: expect.stringMatching(/did not start: it does not answer at http:\/\/127\.0\.0\.1:\d+ from here$/),
    })
    expect(setup.docker.containers.size).toBe(0)
  })

  test('is not waited for where the engine cannot make it', async () => {
    setup.before('container create', () => {
      throw new DockerIpfsError('ENGINE_FAILED', 'no space left on device')
    })
    await expect(setup.start()).rejects.toThrow('no space left on device')
    expect(setup.calls('container ls')).toHaveLength(1)
  })

  test('is removed where the engine cannot start it', async () => {
    setup.before('container start', () => void setup.docker.networks.clear())
    await expect(setup.start()).rejects.toThrow(`network ${NETWORK} not found`)
    expect(setup.docker.containers.size).toBe(0)
  })

  const cancelled = new DockerIpfsError('CANCELLED', 'cancelled')

  /** Starts it and has enough of waiting, some milliseconds after such a command. */
  async function cancelAt(command: string, ms: number, options = {}): Promise<void> {
    const stop = new AbortController()
    setup.before(command, () => (ms === 0 ? stop.abort(cancelled) : void setTimeout(() => stop.abort(cancelled), ms)))
    const error = await setup.start(options, stop.signal).catch((error: unknown) => error)
    setup.docker.meanwhile = () => undefined
    // As itself, or as the cause of a wait that ends.
    expect(error === cancelled || (error instanceof Error && error.cause === cancelled)).toBe(true)
  }

  const TAKEN = "A port of the IPFS node of docker-ipfs is somebody else's: it gets others"
  const ENDING = `Ending the container ${CONTAINER}, which had not started yet`

  test.each([
    ['container start', 0],
    ['container start', 20],
  ])('is taken away where the user has had enough of waiting, at its "%s" and %d ms on', async (command, ms) => {
    setup.docker.isHere = false
    await cancelAt(command, ms)
    expect(setup.container).toBeUndefined()
    expect(setup.said.at(-1)).toBe(ENDING)
    setup.docker.isHere = true
    expect(await setup.start()).toMatchObject({ isRunning: true })
  })

  test('that was stopped is stopped again then, and one that others start is left to them', async () => {
    await setup.start({ storageMax: '7GB' })
    await setup.host.stop(never)
    setup.docker.isHere = false
    await cancelAt('container start', 20)
    expect(setup.container).toMatchObject({ state: 'exited' })
    expect(setup.said.at(-1)).toBe(ENDING)
    await setup.docker.run(['container', 'start', CONTAINER], never)
    setup.said.length = 0
    await cancelAt('container start', 20)
    expect(setup.container).toMatchObject({ state: 'running' })
    expect(setup.said).toEqual([])
  })

  test('that takes the place of another keeps its options then', async () => {
    await setup.start({ storageMax: '7GB' })
    setup.docker.isHere = false
    await cancelAt('container start', 20, { announce: true })
    expect(setup.container).toMatchObject({ state: 'exited' })
    setup.docker.isHere = true
    await setup.start()
    expect(setup.label).toMatchObject({ storageMax: '7GB', announce: true })
  })

  test.each([
    ['that was made is taken away then', false],
    ['in the place of one that was stopped is stopped then, with its options', true],
  ])('that has got other ports %s', async (_, isBefore) => {
    if (isBefore) {
      await setup.start({ storageMax: '7GB' })
      await setup.host.stop(never)
    }
    const stop = new AbortController()
    setup.before('container start', (nth) => {
      if (nth > 1) return void setTimeout(() => stop.abort(cancelled), 20)
      setup.take(Number(setup.label['api']))
      setup.docker.isHere = false
    })
    await expect(setup.start({}, stop.signal)).rejects.toBe(cancelled)
    expect(setup.said.slice(-2)).toEqual([TAKEN, ENDING])
    expect(setup.calls('container create')).toHaveLength(2)
    if (!isBefore) return expect(setup.docker.containers.size).toBe(0)
    expect(setup.container).toMatchObject({ state: 'exited' })
    expect(setup.label).toMatchObject({ storageMax: '7GB' })
  })

  test('that is removed meanwhile is not made again', async () => {
    setup.docker.isHere = false
    setup.before('container ls', (nth) => void (nth === 2 && setup.docker.containers.delete(CONTAINER)))
    await expect(withFastClock(() => setup.start())).rejects.toThrow('did not start: it ended at once')
    expect(setup.calls('container create')).toHaveLength(1)
    expect(setup.docker.containers.size).toBe(0)
  })
})

describe('what is not ours', () => {
  test('is left alone, although it has the name', async () => {
    await setup.docker.run(['container', 'create', '--name', CONTAINER, IMAGE], never)
    const { id = '' } = setup.container ?? {}
    expect(await setup.host.state(never)).toBeUndefined()
    await expect(setup.start()).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: `the engine has a container ${CONTAINER} that is not docker-ipfs'`,
    })
    // It is there to be seen, so that nobody waits for another to appear.
    expect(setup.calls('container ls').length).toBeLessThan(6)
    await setup.host.remove(true, never)
    expect(setup.container).toMatchObject({ id, state: 'created' })
  })

  test('has a label that says nothing, and no ports', async () => {
    await setup.docker.run(['container', 'create', '--name', CONTAINER, '--label', 'docker-ipfs.node=x', IMAGE], never)
    expect(await setup.host.state(never)).toMatchObject({ isRunning: false, api: 'http://127.0.0.1:0' })
  })
})

describe('an engine', () => {
  test.each(['tcp://192.0.2.1:2376', 'ssh://far', ''])(
    'at %j may be on another machine, and is refused',
    async (at) => {
      setup.docker.host = at
      await expect(setup.start()).rejects.toMatchObject({
        code: 'NODE_UNREACHABLE',
        message: `the Docker engine (${at}) may be on another machine`,
      })
      expect(setup.docker.containers.size + setup.docker.volumes.size + setup.docker.networks.size).toBe(0)
    },
  )

  test('of Windows is on this machine', async () => {
    setup.docker.host = 'npipe:////./pipe/docker_engine'
    expect(await setup.start()).toMatchObject({ isRunning: true })
  })

  test('that does not answer runs nothing, and cannot start anything', async () => {
    setup.docker.isDown = true
    expect(await setup.host.state(never)).toBeUndefined()
    await expect(setup.start()).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
  })

  test('that answers nonsense is heard of', async () => {
    setup.before('container ls', () => {
      throw new DockerIpfsError('ENGINE_FAILED', 'nonsense')
    })
    await expect(setup.host.state(never)).rejects.toThrow('nonsense')
  })
})
