import { expect, test } from 'bun:test'
import { Links } from '../../../../src/image/saved/links.ts'

const links = new Links()
links.add('one', 'file')
links.add('two', 'one')
links.add('folder', 'real/place')
links.add('real/place/deep', 'other')
links.add('self', 'self')
links.add('a', 'b')
links.add('b', 'a')

test.each([
  ['file', 'file'],
  ['one', 'file'],
  ['two', 'file'],
  ['folder/x', 'real/place/x'],
  ['folder/deep/layer.tar', 'other/layer.tar'],
  ['nowhere/one', 'nowhere/one'],
  ['self', 'self'],
  ['a', 'a'],
])('%s leads to %s', (path, target) => {
  expect(links.follow(path)).toBe(target)
})
