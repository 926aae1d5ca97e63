import { beforeEach, describe, expect, test } from 'bun:test'
import { DockerIpfsError } from '../../../src/errors.ts'
import { findKey } from '../../../src/publish/key.ts'
import { altered } from '../../support/altered.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { useCase } from '../../support/memory/use-case.ts'

let node: MemoryNode
beforeEach(() => {
  node = new MemoryNode('here')
})

const find = (key?: string) => findKey({ ...useCase(node), key, announceTimeoutMs: 1000 })

describe('our own key', () => {
  test('is made when it is not there, and is the same from then on', async () => {
    await node.naming.makeKey('self')
    const key = await find()
    expect(key.name).toBe('docker-ipfs')
    expect(await find()).toEqual(key)
    expect(await node.naming.keys()).toHaveLength(2)
  })

  test('is one, though two make it at once', async () => {
    const [one, other] = await Promise.all([find(), find()])
    expect(one).toEqual(other)
    expect(await node.naming.keys()).toEqual([one])
  })

  test('cannot be had where the node does not make keys', async () => {
    const naming = altered(node.naming, {
      keys: async () => [],
      makeKey: () => Promise.reject(new DockerIpfsError('NODE_FAILED', 'no keys here')),
    })
    const publishing = { ...useCase(node), naming, key: undefined, announceTimeoutMs: 1000 }
    await expect(findKey(publishing)).rejects.toMatchObject({ message: 'no keys here' })
  })
})

describe('a key of the user', () => {
  test('is found by its name or its ID', async () => {
    const key = await node.naming.makeKey('web')
    expect(await find('web')).toEqual(key)
    expect(await find(key.id)).toEqual(key)
  })

  test('is not made: it may be a mistake', async () => {
    await expect(find('wbe')).rejects.toMatchObject({
      code: 'USAGE',
      message: 'the node at here has no key wbe',
      hint: '"docker ipfs key ls" lists them; "docker ipfs key gen wbe" makes one.',
    })
    expect(await node.naming.keys()).toEqual([])
  })
})
