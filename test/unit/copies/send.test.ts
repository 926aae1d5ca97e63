import { beforeEach, describe, expect, test } from 'bun:test'
import { createNodePlace } from '../../../src/copies/node-place.ts'
import { sendTo } from '../../../src/copies/send.ts'
import { isLeaf, linksOf } from '../../../src/dag/blocks.ts'
import { type CID, parseCid } from '../../../src/dag/cid.ts'
import { DockerIpfsError, messageOf } from '../../../src/errors.ts'
import type { ProgressEvent } from '../../../src/events.ts'
import { errorOf } from '../../support/error-of.ts'
import { twoLayers } from '../../support/images.ts'
import { MemoryEngine } from '../../support/memory/engine.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { Saving } from '../../support/saving.ts'

let here: MemoryNode
let there: MemoryNode
let root: string
let events: ProgressEvent[]
let cancel: AbortController
beforeEach(async () => {
  here = new MemoryNode('here')
  there = new MemoryNode('there')
  events = []
  cancel = new AbortController()
  const engine = new MemoryEngine()
  engine.add(twoLayers(), 'app:1')
  root = await new Saving(here).image(engine, 'app:1')
})

const options = (stillMs = 5000) => ({
  ...here.ports,
  report: (event: ProgressEvent) => void events.push(event),
  signal: cancel.signal,
  stillMs,
  wait: true,
})
const nas = (node = there, name = 'nas') => createNodePlace(name, node)
const send = (...places: ReturnType<typeof nas>[]) => sendTo(root, 'app:1', places, options())
const ends = () => events.flatMap((event) => (event.type === 'layer-done' ? [`${event.layer}: ${event.status}`] : []))
const doings = () => events.flatMap((event) => (event.type === 'layer-start' ? [event.doing] : []))
function leavesOf(node: MemoryNode): CID[] {
  const found: CID[] = []
  const walk = (cid: CID) => {
    if (isLeaf(cid)) found.push(cid)
    else for (const link of linksOf({ cid, bytes: node.blocks.own(cid) ?? Buffer.alloc(0) })) walk(link.cid)
  }
  walk(parseCid(root))
  return found
}

describe('an image that is handed to a node', () => {
  test('is fetched by it where ours reaches it, and pinned under its name', async () => {
    here.neighbours.push(there)
    expect(await send(nas())).toBeUndefined()
    expect(there.pins.names.get(root)).toBe('app:1')
    expect(ends()).toEqual(['nas: Complete'])
    expect(doings()).toEqual(['Looking', 'Pinning'])
    expect(there.blocks.bytesFetched).toBeGreaterThan(0)
  })

  test('is fetched by it where it alone reaches ours', async () => {
    there.neighbours.push(here)
    expect(await send(nas())).toBeUndefined()
    expect(doings()).toEqual(['Looking', 'Pinning'])
  })

  test('is sent to it where neither reaches the other, or ours listens nowhere', async () => {
    here.isDeaf = true
    there.neighbours.push(here)
    expect(await send(nas())).toBeUndefined()
    expect(doings()).toEqual(['Looking', 'Sending'])
    expect(there.pins.names.get(root)).toBe('app:1')
    expect(await there.blocks.ownDag(parseCid(root), cancel.signal)).toEqual(
      await here.blocks.ownDag(parseCid(root), cancel.signal),
    )
  })

  test('is sent where they are connected and nothing comes', async () => {
    here.neighbours.push(there)
    there.blocks.fetchBelow = async function* (_cid, signal) {
      yield* []
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    }
    const pin = there.pins.pin.bind(there.pins)
    there.pins.pin = async (cid, name, signal, onProgress) =>
      there.blocks.own(cid) === undefined
        ? pin(cid, name, signal, onProgress)
        : void there.pins.names.set(`${cid}`, name)
    expect(await sendTo(root, 'app:1', [nas()], options(50))).toBeUndefined()
    expect(doings()).toEqual(['Looking', 'Pinning', 'Sending'])
    expect(ends()).toEqual(['nas: Complete'])
  })

  test('is not sent again where it is, and only what is lacking where a part is', async () => {
    await send(nas())
    events = []
    expect(await send(nas())).toBeUndefined()
    expect(doings()).toEqual(['Looking'])
    const [lost] = leavesOf(there)
    there.blocks.blocks.delete(String(lost))
    let sent = 0
    const open = there.blocks.openImport.bind(there.blocks)
    there.blocks.openImport = (signal, known) => {
      const session = open(signal, known)
      return {
        ...session,
        put: async (block) => {
          if (isLeaf(block.cid)) sent += 1
          await session.put(block)
        },
      }
    }
    expect(await send(nas())).toBeUndefined()
    expect(sent).toBe(1)
    expect(await there.blocks.hasBlock(lost as CID, cancel.signal)).toBe(true)
  })

  test('goes to several at once, and one that fails does not keep it from the others', async () => {
    const dead = new MemoryNode('dead')
    dead.pins.isPinned = async () => {
      throw new DockerIpfsError('NODE_UNREACHABLE', 'cannot reach the IPFS node at dead')
    }
    const error = await send(nas(), nas(dead, 'dead'))
    expect(error).toMatchObject({ code: 'NODE_UNREACHABLE', message: 'cannot reach the IPFS node at dead' })
    expect(ends().sort()).toEqual(['dead: Failed', 'nas: Complete'])
    const both = await send(nas(dead, 'one'), nas(dead, 'two'))
    expect(both).toMatchObject({ code: 'COPIES_MISSING', message: `${root} is saved, but not at one, two` })
  })

  test('is not sent by a node that has lost a part of it', async () => {
    here.blocks.blocks.delete(String(leavesOf(here)[0]))
    const error = await errorOf(send(nas()))
    expect(messageOf(error)).toBe(`the node has not all blocks of ${root}`)
    expect(there.blocks.blocks.size).toBe(0)
  })

  test('stands still in its time limit, and says what to do', async () => {
    there.blocks.openImport = (signal) => ({
      ...new MemoryNode().blocks.openImport(signal),
      put: () => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    })
    expect(await sendTo(root, 'app:1', [nas()], options(50))).toMatchObject({
      code: 'PLACE_FAILED',
      message: 'nothing has moved at nas for 0 s',
      hint: '--timeout waits longer. What is there already is not sent again.',
    })
    expect([...there.pins.names]).toEqual([])
  })

  test('is given up with the reason of who cancels', async () => {
    cancel.abort(new DockerIpfsError('CANCELLED', 'enough'))
    expect(messageOf(await errorOf(send(nas())))).toBe('enough')
  })
})
