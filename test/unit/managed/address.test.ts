import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { DockerIpfsError } from '../../../src/errors.ts'
import { type AddressOptions, addressOf } from '../../../src/managed/address.ts'
import { createManagedNode } from '../../../src/managed/node.ts'
import { freePorts } from '../../../src/managed/settings.ts'
import type { Endpoint } from '../../../src/store/kubo/endpoint.ts'
import { MemoryHost } from '../../support/memory/host.ts'
import { useOwnPorts } from '../../support/own-ports.ts'
import { headerOf, type RpcNode, type RpcServer, serveRpc } from '../../support/rpc-server.ts'

useOwnPorts()

const NOBODY: Endpoint = { url: 'http://127.0.0.1:1', source: 'the default' }
const never = new AbortController().signal

let own: MemoryHost
let servers: RpcServer[]
let said: string[]
let warned: string[]
beforeEach(() => {
  own = new MemoryHost('container')
  servers = []
  said = []
  warned = []
})
afterEach(() => {
  own.close()
  for (const server of servers) server.close()
})

/** A node of the user's, where it is looked for. */
function users(node: Partial<RpcNode> = {}): Endpoint {
  const server = serveRpc({ id: 'users', ...node })
  servers.push(server)
  return { url: server.url, source: 'the default' }
}

function address(found: Endpoint, options: Partial<AddressOptions> = {}): Promise<Endpoint> {
  return addressOf({
    found,
    isNamed: false,
    managed: createManagedNode([own], undefined),
    mayStart: true,
    say: (text) => said.push(text),
    warn: (text) => warned.push(text),
    signal: never,
    ...options,
  })
}

describe("the user's own node", () => {
  test('is the one to work with where it answers, although there is a managed one', async () => {
    await own.start({}, never, () => undefined)
    const found = users()
    expect(await address(found)).toBe(found)
  })

  test('is the one to work with where the user named it, and is not even asked', async () => {
    expect(await address(NOBODY, { isNamed: true })).toBe(NOBODY)
    const found = users()
    expect(await address(found, { isNamed: true })).toBe(found)
    expect(servers[0]?.asked).toEqual([])
    expect(own.exists).toBe(false)
  })

  test('is the one to hear of where it lets nobody in', async () => {
    const found = users({ refuses: 403 })
    expect(await address(found)).toBe(found)
    expect(own.exists).toBe(false)
  })

  test('is there where it takes long to answer', async () => {
    const found = users({ isBusy: true })
    expect(await address(found)).toBe(found)
    expect(own.exists).toBe(false)
  })

  test('is not waited for when the user has had enough', async () => {
    const stop = new AbortController()
    const cancelled = new DockerIpfsError('CANCELLED', 'cancelled')
    const waiting = address(users({ isBusy: true }), { signal: stop.signal })
    while (servers[0]?.asked.length === 0) await Bun.sleep(1)
    stop.abort(cancelled)
    expect(await waiting.catch((error) => error)).toBe(cancelled)
    expect(own.exists).toBe(false)
  })
})

describe('an address that a user named and that is the managed node’s', () => {
  const SECRET = `basic:docker-ipfs:${'a'.repeat(64)}`
  const headed = { authorization: headerOf(SECRET) }

  /** Has it listen where managed nodes do. */
  async function start(): Promise<string> {
    own = new MemoryHost('container', { secret: SECRET }, (await freePorts()).api)
    return (await own.start({}, never, () => undefined)).api
  }

  test('gets its secret, by whatever name of loopback', async () => {
    const url = await start()
    for (const named of [url, url.replace('127.0.0.1', 'localhost')]) {
      const found = { url: named, source: '--api' }
      expect(await address(found, { isNamed: true })).toEqual({ url, source: '--api', isManaged: true, ...headed })
    }
  })

  test('does not where the user gave another, or names another place', async () => {
    const url = await start()
    const others: Endpoint[] = [
      { url, source: '--api', authorization: 'Bearer x' },
      { url, source: '--api', socket: '/run/ipfs.sock' },
      { url: `${url}/kubo`, source: '--api' },
      { url: url.replace('127.0.0.1', '192.0.2.1'), source: '--api' },
      { url: 'http://127.0.0.1:5398', source: '--api' },
    ]
    for (const found of others) expect(await address(found, { isNamed: true })).toBe(found)
  })

  test('is had where it is found as well', async () => {
    const url = await start()
    expect(await address(NOBODY)).toMatchObject({ url, isManaged: true, ...headed })
    expect(await address(NOBODY, { mayStart: false })).toMatchObject({ url, isManaged: true, ...headed })
  })
})

describe('the managed node', () => {
  test('is started where there is no other', async () => {
    expect(await address(NOBODY)).toMatchObject({ isManaged: true })
    expect(said).toEqual(['Starting container in memory'])
    expect(warned).toEqual([])
    const { url } = await address(NOBODY)
    expect(url).toBe((await own.state())?.api ?? '')
    expect(said).toHaveLength(1)
  })

  test('is taken where it runs, and not started by a command that only reads', async () => {
    expect(await address(NOBODY, { mayStart: false })).toEqual({
      ...NOBODY,
      absent: { hint: expect.stringMatching(/^Start one with "docker ipfs node start" or "ipfs daemon", or say/) },
    })
    expect(own.exists).toBe(false)
    await own.start({}, never, () => undefined)
    expect(await address(NOBODY, { mayStart: false })).toMatchObject({ isManaged: true })
  })

  test('is not taken where it is off: the error is to name the other', async () => {
    const managed = createManagedNode([own], 'off')
    // And to advise nothing that is refused then.
    expect(await address(NOBODY, { managed })).toEqual({
      ...NOBODY,
      absent: { hint: 'Start one with "ipfs daemon", or say where it is with --api or DOCKER_IPFS_API.' },
    })
    expect(own.exists).toBe(false)
  })

  test('that was stopped is what is told of, by a command that only reads', async () => {
    await own.start({}, never, () => undefined)
    await own.stop()
    expect(await address(NOBODY, { mayStart: false })).toEqual({
      ...NOBODY,
      absent: {
        text: 'the IPFS node of docker-ipfs is stopped',
        hint: 'Start it with "docker ipfs node start".',
      },
    })
  })

  test('says why it cannot be started', async () => {
    own.failure = new DockerIpfsError('NODE_UNREACHABLE', 'no image')
    await expect(address(NOBODY)).rejects.toThrow('no image')
  })

  test.each([
    [5e9, []],
    [9e9, [expect.stringMatching(/^the storage of docker-ipfs' node is 90 % full \(9GB of 10GB\)\. Remove images/)]],
  ])('that stores %d of 10 GB warns before more is stored: %p', async (used, warnings) => {
    own = new MemoryHost('container', { storage: { used, limit: 10e9 } })
    expect(await address(NOBODY)).toMatchObject({ isManaged: true })
    expect(warned).toEqual(warnings)
  })

  test('that is full takes no more, and may be read from', async () => {
    own = new MemoryHost('container', { storage: { used: 10e9, limit: 10e9 } })
    await expect(address(NOBODY)).rejects.toMatchObject({ code: 'NODE_FAILED' })
    expect(await address(NOBODY, { mayStart: false })).toMatchObject({ isManaged: true })
    expect(warned).toEqual([])
  })
})
