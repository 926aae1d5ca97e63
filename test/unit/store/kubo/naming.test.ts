import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { parseCid } from '../../../../src/dag/cid.ts'
import { KuboNaming } from '../../../../src/store/kubo/naming.ts'
import { AnsweringNode, kuboError } from '../../../support/answering-node.ts'
import { GOLDEN_ROOTS } from '../../../support/images.ts'

const node = new AnsweringNode()
beforeEach(() => node.reset())
afterAll(() => node.close())
const naming = new KuboNaming(node.endpoint)
const signal = new AbortController().signal
const ROOT = parseCid(GOLDEN_ROOTS.tiny)
const ID = 'k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8'

describe('a name', () => {
  test('stands for a path, asked for anew', async () => {
    node.says['name/resolve'] = () => Response.json({ Path: `/ipfs/${ROOT}/a` })
    expect(await naming.resolve('a.example', signal)).toBe(`/ipfs/${ROOT}/a`)
    expect(node.asked).toEqual(['name/resolve?arg=%2Fipns%2Fa.example&nocache=true'])
  })

  test('that the node does not know is not found', async () => {
    node.says['name/resolve'] = () => kuboError('could not resolve name')
    await expect(naming.resolve(ID, signal)).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
      message: `the name ${ID} cannot be found (the IPFS node answered: could not resolve name)`,
    })
  })

  test('that leads elsewhere leads to no content', async () => {
    node.says['name/resolve'] = () => Response.json({ Path: '/ipld/x' })
    await expect(naming.resolve(ID, signal)).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
  })

  test('is given to a root, if the node says the same', async () => {
    const key = { name: 'my key', id: ID }
    node.says['name/publish'] = () => Response.json({ Name: ID, Value: `/ipfs/${ROOT}` })
    await naming.publish(ROOT, key, signal)
    expect(node.asked[0]).toContain(`arg=/ipfs/${ROOT}&key=my%20key&`)
    node.says['name/publish'] = () => Response.json({ Name: ID, Value: '/ipfs/other' })
    await expect(naming.publish(ROOT, key, signal)).rejects.toMatchObject({ code: 'NODE_FAILED' })
  })
})

describe('keys', () => {
  test('are those of the node, and a new one', async () => {
    node.says['key/list'] = () => Response.json({ Keys: [{ Name: 'self', Id: ID }] })
    node.says['key/gen'] = (query) => Response.json({ Name: query.get('arg'), Id: ID })
    expect(await naming.keys(signal)).toEqual([{ name: 'self', id: ID }])
    expect(await naming.makeKey('new one', signal)).toEqual({ name: 'new one', id: ID })
    expect(node.asked[1]).toContain('type=ed25519')
  })

  test('are renamed and removed, and one that is not there is a mistake', async () => {
    node.says['key/rename'] = (query) => Response.json({ Was: 'a', Now: query.getAll('arg')[1], Id: ID })
    node.says['key/rm'] = () => Response.json({ Keys: [{ Name: 'b c', Id: ID }] })
    expect(await naming.renameKey('a', 'b c', signal)).toEqual({ name: 'b c', id: ID })
    expect(await naming.removeKey('b c', signal)).toEqual({ name: 'b c', id: ID })
    expect(node.asked).toEqual(['key/rename?arg=a&arg=b%20c&ipns-base=base36', 'key/rm?arg=b%20c&ipns-base=base36'])
    node.says['key/rm'] = () => kuboError('no key named b c was found')
    await expect(naming.removeKey('b c', signal)).rejects.toMatchObject({
      code: 'USAGE',
      message: 'the node has no key b c',
    })
    node.says['key/rm'] = () => kuboError("cannot remove key with name 'self'")
    node.says['key/rename'] = () => kuboError("cannot rename key with name 'self'")
    const stays = { code: 'USAGE', message: 'the key self is the node itself: it stays, and keeps its name' }
    await expect(naming.removeKey('self', signal)).rejects.toMatchObject(stays)
    await expect(naming.renameKey('self', 'me', signal)).rejects.toMatchObject(stays)
    node.says['key/rm'] = () => kuboError('permission denied')
    await expect(naming.removeKey('a', signal)).rejects.toMatchObject({ code: 'NODE_FAILED' })
  })

  test('that the node has and does not list cannot be read, and the way out is told', async () => {
    node.says['key/gen'] = () => kuboError('key by that name already exists, refusing to overwrite')
    node.says['key/list'] = () => Response.json({ Keys: [{ Name: 'self', Id: ID }] })
    await expect(naming.makeKey('shop', signal)).rejects.toMatchObject({
      code: 'NODE_FAILED',
      message: 'the IPFS node has a key shop that it cannot read',
      hint: 'If it was made on a full disk: "ipfs key gen new", then "ipfs key rename --force new shop".',
    })
  })

  test('that are there are not made again, and other failures are told as they are', async () => {
    node.says['key/gen'] = () => kuboError('key by that name already exists, refusing to overwrite')
    node.says['key/list'] = () => Response.json({ Keys: [{ Name: 'shop', Id: ID }] })
    await expect(naming.makeKey('shop', signal)).rejects.toThrow('already exists')
    node.says['key/gen'] = () => kuboError('write: no space left on device')
    await expect(naming.makeKey('new', signal)).rejects.toThrow('the disk of the IPFS node is full')
  })

  test('are none where the node says none', async () => {
    node.says['key/list'] = () => Response.json({ Keys: null })
    expect(await naming.keys(signal)).toEqual([])
  })

  test.each([
    ['a key that is none', Response.json({ Keys: [{ Name: 'self', Id: 'x' }] })],
    ['no JSON', new Response('<html>')],
  ])('cannot be read where the node says %s', async (_, answer) => {
    node.says['key/list'] = () => answer
    await expect(naming.keys(signal)).rejects.toMatchObject({ code: 'NODE_FAILED' })
  })
})
