import { describe, expect, test } from 'bun:test'
import { rawBlock } from '../../../src/dag/blocks.ts'
import type { CID } from '../../../src/dag/cid.ts'
import { type DagNode, leafNode } from '../../../src/format/files.ts'
import { confirm } from '../../../src/save/confirm.ts'
import { type Known, knowNothing } from '../../../src/save/known.ts'

const never = new AbortController().signal
const [root, other, before] = ['root', 'other', 'before'].map((text) => leafNode(rawBlock(Buffer.from(text)))) as [
  DagNode,
  DagNode,
  DagNode,
]
const named = new Map([root, other, before].map(({ cid }, at) => [cid.toString(), ['root', 'other', 'before'][at]]))
const name = (cid: CID) => named.get(cid.toString())

interface Case {
  readonly roots?: readonly DagNode[]
  readonly known?: Partial<Known>
  /** What the node answers when it is to pin a root beside a version. */
  readonly pins?: boolean
}

/** What the node is asked, in order. */
async function asked({ roots = [root], known = {}, pins = true }: Case): Promise<string[]> {
  const calls: string[] = []
  const sessionOf = (which: string) => ({
    skipped: 0,
    finish: async (...cids: CID[]) => {
      calls.push(`${which} ends with ${cids.map(name)}`)
      return { blocks: 0, bytes: 0 }
    },
  })
  const ports = {
    blocks: { openImport: () => sessionOf('another import') },
    pins: {
      pinBeside: async (cid: CID, pinned: CID) => {
        calls.push(`pin ${name(cid)} beside ${name(pinned)}`)
        return pins
      },
    },
  }
  const all = { ...knowNothing(), ...known }
  await confirm(roots, all, sessionOf('the import'), { ...ports, signal: never })
  return calls
}

describe('a root', () => {
  const pinnedVersion = Promise.resolve(before.cid)

  test('of which all was sent is pinned by the import that brought it', async () => {
    expect(await asked({ known: { pinnedVersion } })).toEqual(['the import ends with root'])
  })

  test('without an earlier version that is pinned is, too', async () => {
    expect(await asked({ known: { wasUsed: true } })).toEqual(['the import ends with root'])
  })

  test('is pinned beside an earlier version', async () => {
    expect(await asked({ known: { wasUsed: true, pinnedVersion } })).toEqual([
      'the import ends with ',
      'pin root beside before',
    ])
  })

  test('that the node does not pin so is walked as a whole', async () => {
    expect(await asked({ known: { wasUsed: true, pinnedVersion }, pins: false })).toEqual([
      'the import ends with ',
      'pin root beside before',
      'another import ends with root',
    ])
  })
})

test('several roots are pinned by the import that brought them', async () => {
  const known = { wasUsed: true, pinnedVersion: Promise.resolve(before.cid) }
  expect(await asked({ roots: [root, other], known })).toEqual(['the import ends with root,other'])
})
