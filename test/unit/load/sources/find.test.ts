import { describe, expect, test } from 'bun:test'
import { DockerIpfsError } from '../../../../src/errors.ts'
import { type FindSourceOptions, findSource } from '../../../../src/load/sources/find.ts'
import { twoLayers } from '../../../support/images.ts'
import { MemoryGateways } from '../../../support/memory/gateways.ts'
import { keepImage } from '../../../support/memory/keep-image.ts'
import { loading } from '../../../support/memory/loading.ts'
import { MemoryNode } from '../../../support/memory/node.ts'
import { never } from '../../../support/never.ts'

/** Sources of an image that a node has under a name; `version` is how it answers. */
async function finding(version?: MemoryNode['version']) {
  const node = new MemoryNode()
  const { root } = await keepImage(node, twoLayers(), 'app:1')
  const gateways = new MemoryGateways(node.blocks)
  const { options, told } = loading(node)
  const parts = { ...options, node: { address: 'memory', version: version ?? (() => node.version()) } }
  const find = (reference = root.toString(), more: Partial<FindSourceOptions> = {}) =>
    findSource(reference, { ...parts, ...more })
  return { root, node, gateways, told, find }
}

const gone = () => Promise.reject(new DockerIpfsError('NODE_UNREACHABLE', 'nobody is there'))
const tooOld = () => Promise.reject(new DockerIpfsError('NODE_FAILED', 'Kubo 0.30 is too old'))

describe('without gateways the source', () => {
  test('is the node, by CID and by name', async () => {
    const { find, root } = await finding()
    for (const reference of [root.toString(), `ipfs://${root}`, 'app:1']) {
      const source = await find(reference)
      expect(source.root.equals(root)).toBe(true)
      // Neither gateways nor both together get anything ahead.
      expect(source.ahead).toBeFunction()
    }
  })

  test('is none where the node does not answer, or is too old: told before anything is looked for', async () => {
    await expect((await finding(gone)).find()).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
    await expect((await finding(tooOld)).find()).rejects.toMatchObject({ message: 'Kubo 0.30 is too old' })
  })

  test.each([
    ['nginx', 'IMAGE_NOT_FOUND'],
    ['', 'REFERENCE_INVALID'],
    ['/ipfs/bafy', 'REFERENCE_INVALID'],
  ] as const)('of %p is %s', async (reference, code) => {
    await expect((await finding()).find(reference)).rejects.toMatchObject({ code })
  })
})

describe('with gateways the source', () => {
  test('is the node and these where it answers', async () => {
    const { find, gateways, node, told } = await finding()
    const source = await find(undefined, { gateways })
    expect(source.blocks).not.toBe(node.blocks)
    expect(source.blocks).not.toBe(gateways)
    expect(source.knownBlobs).toBeDefined()
    expect(told.events).toEqual([])
  })

  test('is these alone where it does not, which is said', async () => {
    const { find, gateways, told } = await finding(gone)
    const source = await find(undefined, { gateways })
    expect(source.blocks).toBe(gateways)
    expect(told.steps).toEqual(['No IPFS node at memory: asking https://gateway.example'])
  })

  test('is these alone where nobody answers within 5 s', async () => {
    const { find, gateways } = await finding()
    const node = { address: 'memory', version: (limited: AbortSignal) => never(limited) }
    expect((await find(undefined, { gateways, node })).blocks).toBe(gateways)
  }, 10_000)

  test('is none where the node is too old', async () => {
    const { find, gateways } = await finding(tooOld)
    await expect(find(undefined, { gateways })).rejects.toMatchObject({ message: 'Kubo 0.30 is too old' })
  })

  test('is none once the load is cancelled', async () => {
    const stop = new AbortController()
    const { find, gateways } = await finding()
    const node = { address: 'memory', version: (limited: AbortSignal) => never(limited) }
    const finds = find(undefined, { gateways, node, signal: stop.signal })
    stop.abort(new DockerIpfsError('CANCELLED', 'cancelled', { signal: 2 }))
    await expect(finds).rejects.toMatchObject({ code: 'CANCELLED' })
  })
})
