import { describe, expect, test } from 'bun:test'
import { rawBlock } from '../../../src/dag/blocks.ts'
import type { CID } from '../../../src/dag/cid.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { type DagNode, leafNode } from '../../../src/format/files.ts'
import { confirm } from '../../../src/save/confirm.ts'
import { type Known, knowNothing } from '../../../src/save/known.ts'
import type { ImportSession } from '../../../src/store/blocks.ts'
import { never } from '../../support/never.ts'

const signal = new AbortController().signal
const NAMES = ['root', 'other', 'before']
const [root, other, before] = NAMES.map((text) => leafNode(rawBlock(Buffer.from(text)))) as [DagNode, DagNode, DagNode]
const named = new Map([root, other, before].map(({ cid }, at) => [cid.toString(), NAMES[at]]))
const name = (cid: CID) => named.get(cid.toString())

interface Case {
  readonly roots?: readonly DagNode[]
  readonly known?: Partial<Known>
  /** Blocks that were left out. */
  readonly skipped?: number
  /** What the node answers when it is to pin a root beside a version. */
  readonly pinBeside?: (signal: AbortSignal) => Promise<boolean>
  /** What the import answers that is to pin roots. */
  readonly finish?: () => Promise<unknown>
  readonly cancel?: AbortSignal
  readonly confirmMs?: number
}

/** What the node is asked, in order; a limit in milliseconds is for cases that reach it. */
async function asked(of: Case): Promise<string[]> {
  const { roots = [root], known = {}, skipped = 0, pinBeside = async () => true, finish = async () => undefined } = of
  const calls: string[] = []
  const session = (which: string): ImportSession => ({
    sent: { blocks: 0, bytes: 0 },
    skipped,
    over: signal,
    put: async () => undefined,
    async finish(...cids) {
      calls.push(`${which} ends with ${cids.map(name)}`)
      await finish()
      return { blocks: 0, bytes: 0 }
    },
    abort: async () => undefined,
  })
  await confirm(roots, { ...knowNothing(), ...known }, session('the import'), {
    blocks: { openImport: () => session('another import') },
    pins: {
      pinBeside(cid, pinned, limited) {
        calls.push(`pin ${name(cid)} beside ${name(pinned)}`)
        return pinBeside(limited)
      },
    },
    signal: of.cancel ?? signal,
    confirmMs: of.confirmMs ?? 60_000,
  })
  return calls
}

const pinnedVersion = Promise.resolve(before.cid)

describe('a root', () => {
  test('of which all was sent is pinned by the import that brought it', async () => {
    expect(await asked({ known: { pinnedVersion } })).toEqual(['the import ends with root'])
  })

  test('without an earlier version that is pinned is, too', async () => {
    expect(await asked({ known: { wasUsed: true } })).toEqual(['the import ends with root'])
  })

  test.each([{ known: { wasUsed: true, pinnedVersion } }, { known: { pinnedVersion }, skipped: 1 }])(
    'of which something was left out is pinned beside an earlier version',
    async (of) => {
      expect(await asked(of)).toEqual(['the import ends with ', 'pin root beside before'])
    },
  )

  test('that the node does not pin so is walked as a whole', async () => {
    expect(await asked({ known: { wasUsed: true, pinnedVersion }, pinBeside: async () => false })).toEqual([
      'the import ends with ',
      'pin root beside before',
      'another import ends with root',
    ])
  })
})

test('several roots are pinned by the import that brought them', async () => {
  const known = { wasUsed: true, pinnedVersion }
  expect(await asked({ roots: [root, other], known })).toEqual(['the import ends with root,other'])
})

describe('a pin that waits for what the node has lost', () => {
  const stale = { code: 'CATALOGUE_STALE', message: 'the node lacks blocks that it should have' }

  test('is given up when its time is over, whether the node hears of it or not', async () => {
    const deaf = { finish: () => never(signal), confirmMs: 20 }
    await expect(asked({ ...deaf, known: { wasUsed: true } })).rejects.toMatchObject(stale)
    const beside = { pinBeside: (limited: AbortSignal) => never(limited), confirmMs: 20 }
    await expect(asked({ ...beside, known: { wasUsed: true, pinnedVersion } })).rejects.toMatchObject(stale)
  })

  test('has as much time as the node needs to walk that much', async () => {
    const large = { ...root, dagSize: 1_000_000_000 }
    const slow = { finish: () => Bun.sleep(50), known: { wasUsed: true }, confirmMs: 0 }
    await expect(asked(slow)).rejects.toMatchObject(stale)
    expect(await asked({ ...slow, roots: [large] })).toEqual(['the import ends with root'])
  })

  test('is given up when the user says so', async () => {
    const user = new AbortController()
    const waiting = asked({ finish: () => never(signal), known: { wasUsed: true }, cancel: user.signal })
    const cancelled = new DockerIpfsError('CANCELLED', 'cancelled')
    user.abort(cancelled)
    await expect(waiting).rejects.toBe(cancelled)
  })
})

test('what the node says of its own is no fault of the catalogue', async () => {
  const full = new DockerIpfsError('NODE_FAILED', 'the disk of the IPFS node is full')
  const finish = () => Promise.reject(full)
  await expect(asked({ finish, known: { wasUsed: true } })).rejects.toBe(full)
})
