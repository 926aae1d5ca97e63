import { describe, expect, test } from 'bun:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CID, parseCid } from '../../../src/dag/cid.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { Seeker, seeking } from '../../../src/read/seek.ts'
import type { Blocks } from '../../../src/store/blocks.ts'
import { GOLDEN_ROOTS } from '../../support/images.ts'
import { never } from '../../support/never.ts'

const ROOT = parseCid(GOLDEN_ROOTS.tiny)
const BASE = parseCid(GOLDEN_ROOTS.large)
const signal = new AbortController().signal
/** Others are looked for after a twentieth. */
const TIMEOUT_MS = 1000
const QUIET_MS = 50

/** Whom a seeker lets meet, and whether that is still under way. */
class Meetings {
  readonly roots: string[] = []
  open = 0

  meet = async (root: CID, limited: AbortSignal): Promise<void> => {
    this.roots.push(root.toString())
    this.open += 1
    await never(limited).finally(() => (this.open -= 1))
  }

  seeker(roots: readonly CID[] = [ROOT], stop = signal): Seeker {
    return new Seeker(roots, { routing: this, signal: stop, timeoutMs: TIMEOUT_MS })
  }
}

describe('others who have an image are looked for', () => {
  test('when nothing comes, once, and no longer than it is waited for', async () => {
    const meetings = new Meetings()
    await meetings.seeker().during(async () => {
      await sleep(6 * QUIET_MS)
      expect(meetings).toMatchObject({ roots: [`${ROOT}`], open: 1 })
    })
    await sleep(0)
    expect(meetings.open).toBe(0)
  })

  test('by each of the roots that they may have', async () => {
    const meetings = new Meetings()
    await meetings.seeker([ROOT, BASE]).during(() => sleep(4 * QUIET_MS))
    expect(meetings.roots).toEqual([`${ROOT}`, `${BASE}`])
  })

  test('as long as anybody waits', async () => {
    const meetings = new Meetings()
    const seeker = meetings.seeker()
    const longer = seeker.during(() => sleep(8 * QUIET_MS))
    await seeker.during(() => sleep(4 * QUIET_MS))
    await sleep(QUIET_MS)
    expect(meetings).toMatchObject({ roots: [`${ROOT}`], open: 1 })
    await longer
    await sleep(0)
    expect(meetings.open).toBe(0)
  })

  test('when what came at first comes no more', async () => {
    const meetings = new Meetings()
    await meetings.seeker().during(async (heard) => {
      for (let parts = 0; parts < 20; parts += 1) {
        heard()
        await sleep(QUIET_MS / 10)
      }
      expect(meetings.roots).toEqual([])
      await sleep(4 * QUIET_MS)
    })
    expect(meetings.roots).toEqual([`${ROOT}`])
  })

  test('when it is waited for in vain, and that is what is told', async () => {
    const meetings = new Meetings()
    const work = meetings.seeker().during(async () => {
      await sleep(4 * QUIET_MS)
      throw new DockerIpfsError('CONTENT_NOT_FOUND', 'nobody has it')
    })
    await expect(work).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
    expect(meetings.roots).toEqual([`${ROOT}`])
  })

  test('and nobody hears of it when that fails', async () => {
    const refused = new DockerIpfsError('NODE_FAILED', 'the token lets nobody connect')
    const seeker = new Seeker([ROOT], {
      routing: { meet: () => Promise.reject(refused) },
      signal,
      timeoutMs: TIMEOUT_MS,
    })
    expect(await seeker.during(() => sleep(4 * QUIET_MS, 'read'))).toBe('read')
  })

  test('no longer than the command runs', async () => {
    const [meetings, stop] = [new Meetings(), new AbortController()]
    const reason = new Error('cancelled')
    const work = meetings.seeker([ROOT], stop.signal).during(() => never(stop.signal))
    setTimeout(() => stop.abort(reason), 4 * QUIET_MS)
    await expect(work).rejects.toBe(reason)
    await sleep(0)
    expect(meetings).toMatchObject({ roots: [`${ROOT}`], open: 0 })
  })
})

describe('nobody is looked for', () => {
  test('where an answer comes soon', async () => {
    const meetings = new Meetings()
    const seeker = meetings.seeker()
    for (let asked = 0; asked < 20; asked += 1) await seeker.during(() => sleep(QUIET_MS / 10))
    await sleep(4 * QUIET_MS)
    expect(meetings.roots).toEqual([])
  })

  test('while who reads a file takes its time', async () => {
    const meetings = new Meetings()
    for await (const _ of blocksWith(meetings, 0).cat({ root: ROOT, path: [] }, signal)) await sleep(3 * QUIET_MS)
    expect(meetings.roots).toEqual([])
  })
})

/** Blocks and files of two parts, which take their time. */
function blocksWith(meetings: Meetings, ms: number): Blocks {
  const blocks: Blocks = {
    block: () => sleep(ms, new Uint8Array(1)),
    async *cat() {
      for (const byte of [1, 2]) yield await sleep(ms, Uint8Array.of(byte))
    },
    ownBlock: () => sleep(ms, new Uint8Array(3)),
    hasBlock: () => sleep(ms, true),
  }
  return seeking([ROOT], { blocks, routing: meetings, signal, timeoutMs: TIMEOUT_MS }).blocks
}

describe('of blocks that may be elsewhere', () => {
  test.each([
    ['a block', (blocks: Blocks) => blocks.block(BASE, signal)],
    ['a file', (blocks: Blocks) => Array.fromAsync(blocks.cat({ root: BASE, path: [] }, signal))],
  ])('%s that does not come is looked for with the root', async (_, read) => {
    const meetings = new Meetings()
    expect((await read(blocksWith(meetings, 4 * QUIET_MS))).length).toBeGreaterThan(0)
    expect(meetings.roots).toEqual([`${ROOT}`])
  })

  test('what is only looked for on the node is not', async () => {
    const meetings = new Meetings()
    const blocks = blocksWith(meetings, 4 * QUIET_MS)
    expect(await blocks.ownBlock(BASE, signal)).toEqual(new Uint8Array(3))
    expect(await blocks.hasBlock(BASE, signal)).toBe(true)
    expect(meetings.roots).toEqual([])
  })

  test('who stops reading ends what is under way', async () => {
    const meetings = new Meetings()
    for await (const _ of blocksWith(meetings, 3 * QUIET_MS).cat({ root: BASE, path: [] }, signal)) break
    await sleep(0)
    expect(meetings.open).toBe(0)
  })
})
