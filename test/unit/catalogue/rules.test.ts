import { expect, test } from 'bun:test'
import { isPattern, Rules } from '../../../src/catalogue/rules.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { MemoryNode } from '../../support/memory/node.ts'

const { signal } = new AbortController()

test('rules are written, replaced and removed by their pattern, and another reader sees them', async () => {
  const { folder } = new MemoryNode()
  const rules = new Rules(folder)
  await rules.set({ pattern: 'shop', copies: 3 }, signal)
  await rules.set({ pattern: undefined, copies: 2 }, signal)
  await rules.set({ pattern: 'shop', copies: 4 }, signal)
  expect(await new Rules(folder).all(signal)).toEqual([
    { pattern: undefined, copies: 2 },
    { pattern: 'shop', copies: 4 },
  ])
  expect(await rules.remove('none', signal)).toBe(false)
  expect(await rules.remove(undefined, signal)).toBe(true)
  expect(await rules.all(signal)).toEqual([{ pattern: 'shop', copies: 4 }])
})

test('who may not see the folder knows of no rule, and any other error is one', async () => {
  const fails = (code: 'NODE_DENIED' | 'NODE_UNREACHABLE') => async () => {
    throw new DockerIpfsError(code, 'no')
  }
  const rulesWith = (sync: () => Promise<never>) => new Rules(Object.assign(new MemoryNode().folder, { sync }))
  expect(await rulesWith(fails('NODE_DENIED')).all(signal)).toEqual([])
  await expect(rulesWith(fails('NODE_UNREACHABLE')).all(signal)).rejects.toMatchObject({ code: 'NODE_UNREACHABLE' })
})

test('a pattern is made of what names have, and stars', () => {
  for (const text of ['shop', 'shop:1.*', 'team/*', 'ghcr.io/a-b/c_d:1', '*']) expect(isPattern(text)).toBe(true)
  for (const text of ['', ' ', 'a b', 'a\n', '\u001b', 'x'.repeat(256), '[a]']) expect(isPattern(text)).toBe(false)
})
