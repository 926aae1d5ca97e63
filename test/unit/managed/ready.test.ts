import { afterEach, describe, expect, test } from 'bun:test'
import { DockerIpfsError } from '../../../src/errors.ts'
import { endpointOf, identityOf } from '../../../src/managed/ready.ts'
import { headerOf, type RpcServer, serveRpc } from '../../support/rpc-server.ts'

const never = new AbortController().signal
const cancelled = new DockerIpfsError('CANCELLED', 'cancelled')
const servers: RpcServer[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

function serve(...args: Parameters<typeof serveRpc>): RpcServer {
  const server = serveRpc(...args)
  servers.push(server)
  return server
}

test('the address of a managed node says that it is one', () => {
  expect(endpointOf('http://127.0.0.1:5301')).toEqual({
    url: 'http://127.0.0.1:5301',
    source: 'the managed node',
    isManaged: true,
  })
})

describe('the identity of a node', () => {
  test('is what it answers', async () => {
    expect(await identityOf(endpointOf(serve({ id: 'peer' }).url), never)).toEqual({ peerId: 'peer' })
  })

  test('is none where nobody answers, or no node does', async () => {
    expect(await identityOf(endpointOf('http://127.0.0.1:1'), never)).toBeUndefined()
    expect(await identityOf(endpointOf(serve({ id: 'peer', refuses: 404 }).url), never)).toBeUndefined()
  })

  test('is not told to who has no secret', async () => {
    const secret = `basic:docker-ipfs:${'a'.repeat(64)}`
    const { url } = serve({ id: 'peer', secret })
    expect(await identityOf(endpointOf(url), never)).toBe('refused')
    expect(await identityOf(endpointOf(url, { authorization: headerOf(secret) }), never)).toEqual({ peerId: 'peer' })
  })

  test('is not waited for when the user has had enough', async () => {
    const stop = new AbortController()
    const server = serve({ id: 'peer', isBusy: true })
    const asked = identityOf(endpointOf(server.url), stop.signal)
    while (server.asked.length === 0) await Bun.sleep(1)
    stop.abort(cancelled)
    expect(await asked.catch((error) => error)).toBe(cancelled)
  })

  test('is none of one that is busy for long', async () => {
    expect(await identityOf(endpointOf(serve({ id: 'peer', isBusy: true }).url), never)).toBeUndefined()
  })
})
