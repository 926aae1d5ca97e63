import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { parseCid } from '../../../../src/dag/cid.ts'
import { createClient } from '../../../../src/store/kubo/client.ts'
import { KuboPins } from '../../../../src/store/kubo/pins.ts'
import { AnsweringNode, kuboError, lines } from '../../../support/answering-node.ts'
import { GOLDEN_ROOTS } from '../../../support/images.ts'

const node = new AnsweringNode()
beforeEach(() => node.reset())
afterAll(() => node.close())
const pins = new KuboPins(createClient(node.endpoint), node.endpoint, async () => false)
const signal = new AbortController().signal
const [ROOT, OTHER] = [parseCid(GOLDEN_ROOTS.tiny), parseCid(GOLDEN_ROOTS.large)]

describe('a pin', () => {
  test('is made under its name, and tells when more is there', async () => {
    node.says['pin/add'] = () => lines({ Progress: 1 }, { Progress: 1 }, { Progress: 7 }, { Pins: [`${ROOT}`] })
    let heard = 0
    await pins.pin(ROOT, 'a name', signal, () => heard++)
    expect(heard).toBe(2)
    expect(node.asked).toEqual([`pin/add?arg=${ROOT}&name=a%20name&progress=true`])
  })

  test.each([
    ['nothing', lines()],
    ['progress alone', lines({ Progress: 3 })],
    ['another root', lines({ Pins: [`${OTHER}`] })],
  ])('is not made where the node ends with %s', async (_, answer) => {
    node.says['pin/add'] = () => answer
    await expect(pins.pin(ROOT, '', signal)).rejects.toMatchObject({ code: 'NODE_FAILED' })
  })

  test.each([
    ['says so', lines({ Pins: [`${OTHER}`, `${ROOT}`] }), true],
    ['says nothing', lines(), false],
    ['has another pin', kuboError("'from' cid was not recursively pinned already"), false],
  ])('is made beside another where the node %s: %#', async (_, answer, isMade) => {
    node.says['pin/update'] = () => answer
    expect(await pins.pinBeside(ROOT, OTHER, signal)).toBe(isMade)
    expect(node.asked).toEqual([`pin/update?arg=${OTHER}&arg=${ROOT}&unpin=false`])
  })

  test('is taken away', async () => {
    node.says['pin/rm'] = () => lines({ Pins: [`${ROOT}`] })
    await pins.unpin(ROOT, signal)
    expect(node.asked[0]).toContain(`arg=${ROOT}`)
    node.says['pin/rm'] = () => kuboError('not pinned or pinned indirectly')
    await expect(pins.unpin(ROOT, signal)).rejects.toMatchObject({ code: 'NODE_FAILED' })
  })

  test.each([
    ['a name', () => Response.json({ Keys: { [`${ROOT}`]: { Type: 'recursive', Name: 'mine' } } }), 'mine'],
    ['none', () => Response.json({ Keys: { [`${ROOT}`]: { Type: 'recursive' } } }), ''],
    ['nothing', () => Response.json({}), undefined],
    ['that there is no pin', () => kuboError(`path '${ROOT}' is not pinned`), undefined],
  ])('has the name that the node says: %s', async (_, answer, name) => {
    node.says['pin/ls'] = answer
    expect(await pins.pinName(ROOT, signal)).toBe(name as string)
    expect(await pins.isPinned(ROOT, signal)).toBe(name !== undefined)
  })

  test('is not known where the node fails', async () => {
    node.says['pin/ls'] = () => kuboError('pinner: busy')
    await expect(pins.isPinned(ROOT, signal)).rejects.toMatchObject({ code: 'NODE_FAILED' })
  })
})

describe('through a cluster', () => {
  const cluster = new KuboPins(createClient(node.endpoint), node.endpoint, async () => true)

  test('a pin is made when all of it is here: the cluster does not wait for that', async () => {
    node.says['refs'] = () => lines({ Ref: 'a' }, { Ref: 'b' })
    node.says['pin/add'] = () => lines({ Pins: [`${ROOT}`] })
    let heard = 0
    await cluster.pin(ROOT, 'a name', signal, () => heard++)
    expect(heard).toBe(2)
    expect(node.asked).toEqual([`refs?arg=${ROOT}&recursive=true&max-depth=-1`, `pin/add?arg=${ROOT}&name=a%20name`])
  })

  test('a pin of what cannot be had is not asked for', async () => {
    node.says['refs'] = () => lines({ Err: 'failed to fetch all nodes' })
    await expect(cluster.pin(ROOT, '', signal)).rejects.toMatchObject({ code: 'NODE_FAILED' })
    expect(node.asked).toHaveLength(1)
  })

  test('none is made beside another: nothing would prove that the root is whole', async () => {
    expect(await cluster.pinBeside(ROOT, OTHER, signal)).toBe(false)
    expect(node.asked).toEqual([])
  })
})

test('all roots that are pinned are told', async () => {
  node.says['pin/ls'] = () => lines({ Cid: `${ROOT}` }, { Cid: `${OTHER}` }, {})
  expect([...(await pins.pinnedRoots(signal))]).toEqual([`${ROOT}`, `${OTHER}`])
  expect(node.asked).toEqual(['pin/ls?type=recursive&stream=true'])
})
