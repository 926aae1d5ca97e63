import { expect, test } from 'bun:test'
import { dagPbBlock, rawBlock } from '../../../src/dag/blocks.ts'
import { hashText, parseCid, rawCid } from '../../../src/dag/cid.ts'
import { GOLDEN_ROOTS } from '../../support/images.ts'

test('a CID is read as it is written', () => {
  expect(parseCid(GOLDEN_ROOTS.tiny).toString()).toBe(GOLDEN_ROOTS.tiny)
})

test.each(['', 'nginx', 'bafy', `${GOLDEN_ROOTS.tiny}x`])('%p is no CID', (text) => {
  expect(() => parseCid(text)).toThrow(expect.objectContaining({ code: 'REFERENCE_INVALID' }))
})

test('the same bytes have one hash, whatever they are taken for', () => {
  const [node, leaf] = [dagPbBlock(Buffer.from('x')).cid, rawBlock(Buffer.from('x')).cid]
  expect(rawCid(node).toString()).toBe(leaf.toString())
  expect(hashText(node)).toBe(hashText(leaf))
  // sha2-256 (0x12) of 32 bytes (0x20).
  expect(hashText(leaf)).toMatch(/^CIQ[A-Z2-7]{52}$/)
})
