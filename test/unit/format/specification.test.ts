import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { Chunker } from '../../../src/format/chunker.ts'
import { ALIASES } from '../../../src/image/platform.ts'
import { strangeLayer } from '../../support/strange-layer.ts'
import { layerVectors, unxz } from '../../support/vectors.ts'

/** The code of docs/format.md, as a second implementation would take it. */
const TEXT = readFileSync(join(import.meta.dir, '../../../docs/format.md'), 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'specification-'))
afterAll(() => rmSync(folder, { recursive: true }))

const code = [...TEXT.matchAll(/^```js\n(.*?)^```$/gms)].map(([, block]) => block)
await Bun.write(join(folder, 'cut.mjs'), [...code, 'export { chunkEnds }'].join('\n'))
const { chunkEnds }: { chunkEnds: (tar: Uint8Array) => number[] } = await import(join(folder, 'cut.mjs'))

/** Sizes of chunks, by the document. */
function specified(tar: Uint8Array): number[] {
  return chunkEnds(tar).map((end, at, ends) => end - (ends[at - 1] ?? 0))
}

describe('the code in docs/format.md', () => {
  test('is in three parts', () => {
    expect(code).toHaveLength(3)
  })

  test.each(layerVectors().map((vector) => [vector.name, vector] as const))('cuts "%s" as it must be', (_, vector) => {
    expect(specified(unxz(vector.tarXzBase64))).toEqual([...vector.chunks])
  })

  test('cuts strange layers as the chunker does', () => {
    fc.assert(
      fc.property(strangeLayer(), (tar) => {
        const chunker = new Chunker()
        const chunks = [...chunker.write(tar), ...chunker.end()]
        expect(specified(tar)).toEqual(chunks.map((chunk) => chunk.length))
      }),
      { numRuns: 300 },
    )
  })
})

test('docs/format.md has all aliases of architectures, and the variants that they imply', () => {
  const rows = [...TEXT.matchAll(/^\| `([\w-]+)` \| `(\w+)` \| (?:`(\w+)` )?\|$/gm)]
  const aliases = rows.map(
    ([, alias = '', architecture = '', variant = '']) => [alias, [architecture, variant]] as const,
  )
  expect(aliases).toEqual([...ALIASES])
})
