import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { CONTAINER, createArguments, IMAGE } from '../../../src/managed/container-arguments.ts'
import { freePorts } from '../../../src/managed/settings.ts'
import { collect } from '../../../src/streams.ts'
import { useContainer } from '../../support/container-host.ts'
import { useOwnPorts } from '../../support/own-ports.ts'

useOwnPorts()

const KEY = `/key/swarm/psk/1.0.0/\n/base16/\n${'0123456789abcdef'.repeat(4)}\n`
const never = new AbortController().signal
const setup = useContainer()

async function logs(tail: string): Promise<string> {
  return Buffer.from(await collect(setup.host.logs({ follow: false, tail }, never), 1 << 20, 'the log')).toString()
}

describe('a container is replaced', () => {
  test('for new options, which join those it had, and its images stay', async () => {
    const peer = await setup.peerAt(await setup.start({ storageMax: '7GB' }))
    setup.said.length = 0
    expect(await setup.peerAt(await setup.start({ announce: true }))).toBe(peer)
    expect(setup.label).toMatchObject({ storageMax: '7GB', announce: true })
    expect(setup.docker.volumes.get(CONTAINER)?.config.get('Datastore.StorageMax')).toBe('"7GB"')
    expect(setup.said[0]).toBe('Replacing the IPFS node of docker-ipfs; its images stay (new options)')
    expect(setup.docker.containers.size).toBe(1)
  })

  /** Makes one as another docker-ipfs would have. */
  async function makeOf(image: string): Promise<void> {
    setup.docker.registry.add(image)
    const args = createArguments(await freePorts(), { storageMax: '7GB' }, 'host')
    const ofAnother = args.map((word) => (word === IMAGE ? image : word))
    await setup.docker.run(ofAnother, never)
  }

  test('for a newer image', async () => {
    await makeOf('ipfs/kubo:v0.42.0')
    await setup.start()
    expect(setup.said[0]).toEndWith(`its images stay (ipfs/kubo:v0.42.0 → ${IMAGE})`)
    expect(setup.container?.image).toBe(IMAGE)
    expect(setup.label).toMatchObject({ storageMax: '7GB' })
  })

  test('not before the newer image is there', async () => {
    await makeOf('ipfs/kubo:v0.42.0')
    setup.docker.images.delete(IMAGE)
    setup.docker.registry.delete(IMAGE)
    await expect(setup.start()).rejects.toMatchObject({ code: 'ENGINE_FAILED' })
    expect(setup.container?.image).toBe('ipfs/kubo:v0.42.0')
  })

  test('not by an older docker-ipfs', async () => {
    await makeOf('ipfs/kubo:v0.99.0')
    expect(await setup.peerAt(await setup.start())).toBe(setup.peer)
    expect(setup.container?.image).toBe('ipfs/kubo:v0.99.0')
    expect(setup.said).toEqual([])
  })
})

test('a swarm key is copied, and stands on no command line and in no label', async () => {
  let file = ''
  setup.before('container cp', () => {
    const [, , from = '', to] = setup.docker.calls.at(-1)?.split(' ') ?? []
    if (to === '-') return
    file = from
    expect(existsSync(file)).toBe(true)
  })
  await setup.start({ swarmKey: KEY })
  expect(setup.docker.volumes.get(CONTAINER)?.files.get('swarm.key')).toBe(KEY)
  expect(setup.docker.calls.join('\n')).not.toContain('0123456789abcdef')
  expect(setup.label).toMatchObject({ isPrivate: true })
  expect(setup.container?.env.get('LIBP2P_FORCE_PNET')).toBe('1')
  expect(file).toEndWith('/swarm.key')
  expect(existsSync(file)).toBe(false)
  // Other options leave it private.
  await setup.start({ storageMax: '7GB' })
  expect(setup.container?.env.get('LIBP2P_FORCE_PNET')).toBe('1')
})

test.each([
  ['/nowhere', 'no such folder'],
  ['/dev/null', 'it is no folder'],
  ['/proc', 'no such folder'],
])('a swarm key for which %s has no place is told before anything is made', async (folder, why) => {
  const before = process.env['TMPDIR']
  process.env['TMPDIR'] = folder
  try {
    await expect(setup.start({ swarmKey: KEY })).rejects.toMatchObject({
      code: 'FILE_FAILED',
      message: `cannot write a temp file in ${folder}: ${why}`,
      hint: 'Name a folder that has room and may be written to with TMPDIR.',
    })
  } finally {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
  }
  expect([setup.docker.containers.size, setup.docker.volumes.size]).toEqual([0, 0])
})

describe('what is removed', () => {
  test('is the container and its network; the volume with the images stays', async () => {
    const peer = await setup.peerAt(await setup.start())
    await setup.host.remove(false, never)
    expect([setup.docker.containers.size, setup.docker.networks.size, setup.docker.volumes.size]).toEqual([0, 0, 1])
    expect(await setup.host.state(never)).toMatchObject({
      isRunning: false,
      details: 'removed',
      repository: `volume ${CONTAINER}`,
    })
    expect(await setup.peerAt(await setup.start())).toBe(peer)
  })

  test('is the volume too where that is wanted', async () => {
    await setup.start()
    await setup.host.remove(true, never)
    expect([setup.docker.containers.size, setup.docker.networks.size, setup.docker.volumes.size]).toEqual([0, 0, 0])
    expect(await setup.host.state(never)).toBeUndefined()
  })

  test('may be gone before, or be on its way', async () => {
    await setup.host.remove(true, never)
    await setup.start()
    setup.before('container rm', () => {
      setup.docker.close()
      setup.docker.containers.delete(CONTAINER)
    })
    await setup.host.remove(true, never)
    expect(setup.docker.volumes.size).toBe(0)
  })

  test('is not gone where something else uses it', async () => {
    await setup.start()
    const mount = ['--mount', `type=volume,source=${CONTAINER},target=/data`]
    await setup.docker.run(['container', 'create', '--name', 'other', ...mount, IMAGE], never)
    await expect(setup.host.remove(true, never)).rejects.toThrow('volume is in use')
  })
})

describe('the log of a container', () => {
  test('is what docker shows of it, to the end that was asked for', async () => {
    await setup.start()
    setup.container?.log.write('second')
    expect(await logs('all')).toBe('Initializing daemon...\nDaemon is ready\nsecond\n')
    expect(await logs('1')).toBe('second\n')
  })

  test('is followed until it ends', async () => {
    await setup.start()
    const lines: string[] = []
    for await (const bytes of setup.host.logs({ follow: true, tail: '0' }, never)) {
      const text = Buffer.from(bytes).toString()
      lines.push(text)
      if (text === '') setup.container?.log.write('more')
      else await setup.host.stop(never)
    }
    expect(lines).toEqual(['', 'more\n'])
  })

  test('is not there without one', async () => {
    await expect(logs('all')).rejects.toMatchObject({
      code: 'NODE_UNREACHABLE',
      message: `there is no container ${CONTAINER}`,
    })
  })
})
