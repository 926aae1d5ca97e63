import { afterEach, describe, expect, test } from 'bun:test'
import { endpointOf } from '../../../src/managed/ready.ts'
import { type Storage, storageOf, storageWarning } from '../../../src/managed/storage.ts'
import { type RpcNode, type RpcServer, serveRpc } from '../../support/rpc-server.ts'

const never = new AbortController().signal
const servers: RpcServer[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

function ask(node: Partial<RpcNode>): Promise<Storage | undefined> {
  const server = serveRpc({ id: 'x', ...node })
  servers.push(server)
  return storageOf(endpointOf(server.url), never)
}

describe('the storage of a node', () => {
  test('is what it says', async () => {
    expect(await ask({ storage: { used: 3, limit: 10 } })).toEqual({ used: 3, limit: 10 })
    expect(servers[0]?.asked).toEqual(['repo/stat'])
  })

  test('is not known without a limit', async () => {
    expect(await ask({ storage: { used: 3, limit: 0 } })).toBeUndefined()
  })

  test('is an error where the node does not answer', async () => {
    await expect(ask({ refuses: 500 })).rejects.toMatchObject({ code: 'NODE_FAILED' })
    await expect(storageOf(endpointOf('http://127.0.0.1:1'), never)).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
  })
})

describe('of storage of 100 GB', () => {
  test.each([
    [0, undefined],
    [79.999e9, undefined],
    [80e9, '80 % full (80GB of 100GB)'],
    [99.99e9, '99 % full (99.99GB of 100GB)'],
    [99_999_999_999, '99 % full (99.999999999GB of 100GB)'],
  ])('%d bytes: %p', (used, words) => {
    const hint =
      'Remove images ("docker ipfs rm", then "docker ipfs prune"), or raise the limit with "docker ipfs node start --storage-max SIZE".'
    const text = words === undefined ? undefined : `the storage of docker-ipfs' node is ${words}. ${hint}`
    expect(storageWarning({ used, limit: 100e9 })).toBe(text as string)
  })

  test.each([100e9, 250e9])('%d bytes are as many as it takes, or more', (used) => {
    const percent = used / 1e9
    expect(() => storageWarning({ used, limit: 100e9 })).toThrow(
      expect.objectContaining({
        code: 'NODE_FAILED',
        message: `the storage of docker-ipfs' node is ${percent} % full (${percent}GB of 100GB)`,
        hint: expect.stringContaining('docker ipfs rm'),
      }),
    )
  })
})
