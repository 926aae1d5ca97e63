import { describe, expect, test } from 'bun:test'
import { DockerIpfsError } from '../../../src/errors.ts'
import type { Host, HostState } from '../../../src/managed/host.ts'
import { createManagedNode } from '../../../src/managed/node.ts'
import { storageWarning } from '../../../src/managed/storage.ts'

const signal = new AbortController().signal
const say = () => undefined

const STATE: HostState = { isRunning: true, api: 'http://127.0.0.1:1', gateway: '', details: '', repository: '' }

/** A host that only knows whether it is there, and whether it can start. */
function host(kind: Host['kind'], state?: HostState, failure?: DockerIpfsError): Host {
  return {
    kind,
    name: kind,
    state: async () => state,
    start: async () => {
      if (failure) throw failure
      return STATE
    },
    stop: async () => undefined,
    logs: async function* () {},
    remove: async () => undefined,
  }
}

const unreachable = (text: string) => new DockerIpfsError('NODE_UNREACHABLE', text)

describe('the managed node', () => {
  test('is a container, or else a process', async () => {
    const both = createManagedNode([host('container'), host('binary')], undefined)
    expect(await both.start({}, signal, say)).toMatchObject({ kind: 'container' })
    const noContainer = createManagedNode([host('container', undefined, unreachable('x')), host('binary')], undefined)
    expect(await noContainer.start({}, signal, say)).toMatchObject({ kind: 'binary' })
  })

  test('is the one that there is, and before it the one that runs', async () => {
    const stopped = { ...STATE, isRunning: false }
    const one = createManagedNode([host('container'), host('binary', stopped)], undefined)
    expect(await one.start({}, signal, say)).toMatchObject({ kind: 'binary' })
    const running = createManagedNode([host('container', stopped), host('binary', STATE)], undefined)
    expect(await running.status(signal)).toMatchObject({ kind: 'binary', isRunning: true })
    const none = createManagedNode([host('container', stopped), host('binary', stopped)], undefined)
    expect(await none.status(signal)).toMatchObject({ kind: 'container' })
  })

  test('that cannot be started says why, of each way', async () => {
    const hosts = [
      host('container', undefined, unreachable('no image')),
      host('binary', undefined, unreachable('no ipfs')),
    ]
    expect(createManagedNode(hosts, undefined).start({}, signal, say)).rejects.toThrow(
      'cannot start an IPFS node (container: no image; binary: no ipfs)',
    )
    expect(createManagedNode(hosts, 'binary').start({}, signal, say)).rejects.toThrow(/^no ipfs$/)
  })

  test('is neither looked for nor started when it is off', async () => {
    const node = createManagedNode([host('container', STATE), host('binary', STATE)], 'off')
    expect(await node.find(signal)).toBeUndefined()
    expect(await node.ensure(signal, say)).toBeUndefined()
    expect(node.start({}, signal, say)).rejects.toThrow('"off"')
  })
})

test.each([
  [79e9, undefined],
  [80e9, /^the storage of docker-ipfs' node is 80 % full \(80GB of 100GB\)\. Remove images/],
])('storage of %d bytes of 100 GB', (used, warning) => {
  const text = storageWarning({ used, limit: 100e9 })
  if (warning === undefined) expect(text).toBeUndefined()
  else expect(text).toMatch(warning)
  expect(() => storageWarning({ used: 100e9, limit: 100e9 })).toThrow('is 100 % full')
})
