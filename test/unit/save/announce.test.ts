import { expect, test } from 'bun:test'
import { DockerIpfsError } from '../../../src/errors.ts'
import { announce } from '../../../src/save/announce.ts'
import { GOLDEN_ROOTS } from '../../support/images.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { never } from '../../support/never.ts'

const signal = new AbortController().signal
const options = (node: MemoryNode) => ({ ...node.ports, report: () => undefined, signal, announceTimeoutMs: 30 })

test('a root is announced once, and the peers are counted', async () => {
  const [node, other] = [new MemoryNode(), new MemoryNode()]
  node.connect(other)
  expect(await announce(GOLDEN_ROOTS.tiny, options(node))).toEqual({ notAnnounced: undefined, peers: 1 })
  expect(node.announced).toEqual([GOLDEN_ROOTS.tiny])
})

test('a node that cannot announce is no error: it says why', async () => {
  const node = new MemoryNode()
  node.routing.announce = () => Promise.reject(new DockerIpfsError('NODE_FAILED', 'Provide.Enabled is false'))
  expect((await announce(GOLDEN_ROOTS.tiny, options(node))).notAnnounced).toBe('Provide.Enabled is false')
})

test('one that takes too long is given up', async () => {
  const node = new MemoryNode()
  node.routing.announce = (_, limited) => never(limited)
  expect((await announce(GOLDEN_ROOTS.tiny, options(node))).notAnnounced).toBe('it took longer than 0 s')
})

test('a cancelled one ends with its reason', async () => {
  const node = new MemoryNode()
  const cancel = new AbortController()
  node.routing.announce = (_, limited) => {
    cancel.abort(new DockerIpfsError('CANCELLED', 'cancelled'))
    return never(AbortSignal.any([limited, AbortSignal.timeout(5)]))
  }
  const announcing = announce(GOLDEN_ROOTS.tiny, { ...options(node), signal: cancel.signal })
  await expect(announcing).rejects.toMatchObject({ code: 'CANCELLED' })
})
