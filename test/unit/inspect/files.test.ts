import { expect, test } from 'bun:test'
import type { LayerFile } from '../../../src/image/archive-files.ts'
import { compare, openPaths, View } from '../../../src/inspect/files.ts'

/** `dir/` is a folder, `path=state` a file. */
async function* layer(...entries: string[]): AsyncGenerator<LayerFile> {
  for (const entry of entries) {
    const [path = '', state = ''] = entry.split('=')
    const isDirectory = path.endsWith('/')
    yield { path: path.replace(/\/$/, ''), isDirectory, size: state.length, state: isDirectory ? 'folder' : state }
  }
}

async function view(layers: string[][], wants?: (path: string) => boolean): Promise<View> {
  const made = new View()
  for (const entries of layers) await made.add(layer(...entries), wants)
  return made
}

/** Changes from one stack of layers to another above a common base. */
async function changes(base: string[][], a: string[][], b: string[][]): Promise<string[]> {
  const [viewA, viewB] = [await view(a), await view(b)]
  const { isNone, wants } = openPaths(viewA, viewB)
  const below = await view(isNone ? [] : base, wants)
  return compare(viewA, viewB, below).map(({ change, path }) => `${change} ${path}`)
}

const BASE = [['etc/', 'etc/a=1', 'etc/b=2', 'lib/', 'lib/x/', 'lib/x/y=3']]

test.each([
  ['equal layers', [['etc/a=9']], [['etc/a=9']], []],
  ['another file', [['etc/a=8']], [['etc/a=9']], ['C /etc/a']],
  ['a file that the base has', [], [['etc/a=9']], ['C /etc/a']],
  ['a file that the base has just so', [], [['etc/a=1']], []],
  ['a new file', [], [['etc/c=9']], ['A /etc/c']],
  ['a file deleted', [], [['etc/.wh.a']], ['D /etc/a']],
  ['a file deleted and made again', [], [['etc/.wh.a'], ['etc/a=1']], []],
  ['a folder deleted', [], [['lib/.wh.x']], ['D /lib/x', 'D /lib/x/y']],
  [
    'a folder made again, with something else in it',
    [],
    [['lib/.wh.x'], ['lib/x/', 'lib/x/z=1']],
    ['D /lib/x/y', 'A /lib/x/z'],
  ],
  ['an opaque folder', [], [['lib/x/z=1', 'lib/x/.wh..wh..opq', 'lib/x/']], ['D /lib/x/y', 'A /lib/x/z']],
  [
    'an opaque folder that is not in the layer itself',
    [],
    [['lib/x/.wh..wh..opq', 'lib/x/z=1']],
    ['D /lib/x/y', 'A /lib/x/z'],
  ],
  ['the root itself', [], [['/', 'etc/a=1']], []],
  [
    'an opaque root',
    [],
    [['.wh..wh..opq', 'new=1']],
    ['D /etc', 'D /etc/a', 'D /etc/b', 'D /lib', 'D /lib/x', 'D /lib/x/y', 'A /new'],
  ],
  ['a folder that became a file', [], [['lib=1']], ['C /lib', 'D /lib/x', 'D /lib/x/y']],
  ['a folder against a file', [['lib/']], [['lib=1']], ['C /lib', 'D /lib/x', 'D /lib/x/y']],
  ['a file of an upper layer deleted again', [['etc/c=1'], ['etc/.wh.c']], [], []],
  ['whiteouts on one side alone', [['etc/.wh.a']], [['etc/a=1']], ['A /etc/a']],
])('%s', async (_, a, b, expected) => {
  expect(await changes(BASE, a, b)).toEqual(expected)
})

test('the base is not asked for where both have the same paths', async () => {
  expect(openPaths(await view([['a=1', 'b/']]), await view([['a=2', 'b/']])).isNone).toBe(true)
})
