import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Glob } from 'bun'
import { longLines, quantile, sentencesOf, wordsOf } from '../support/prose.ts'

const ROOT = join(import.meta.dir, '../..')

/** All that people write; bench/matrix-table.ts writes docs/engines.md. */
const DOCS = ['*.md', 'docs/*.md', 'docs/guide/*.md']
  .flatMap((glob) => [...new Glob(glob).scanSync(ROOT)])
  .filter((name) => name !== 'docs/engines.md')
  .sort()

/** Some of these documents, so that a pattern which finds none does not pass. */
const SOME = [
  'README.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'docs/decisions.md',
  'docs/format.md',
  'docs/guide/README.md',
]

const COLUMNS = 100
/** Words of the sentence in the middle, and of one that nine of ten are no longer than. */
const MEDIAN = 17
const P90 = 30

test('all documents are held to the rules below', () => {
  expect(SOME.filter((name) => !DOCS.includes(name))).toEqual([])
})

describe.each(DOCS)('%s', (name) => {
  const text = readFileSync(join(ROOT, name), 'utf8')

  test(`has no line of more than ${COLUMNS} columns`, () => {
    expect(longLines(text, COLUMNS)).toEqual([])
  })

  test(`has sentences of ${MEDIAN} words or fewer in the median, and ${P90} in nine of ten`, () => {
    const sentences = sentencesOf(text)
    const words = sentences.map(wordsOf)
    const long = sentences.filter((sentence) => wordsOf(sentence) > P90)
    expect(sentences.length).toBeGreaterThan(0)
    expect(quantile(words, 0.5)).toBeLessThanOrEqual(MEDIAN)
    expect(quantile(words, 0.9) > P90 ? long : []).toEqual([])
  })
})

test.each([
  ['README.md', 10_000],
  ['CONTRIBUTING.md', 6000],
])('%s has at most %d bytes', (name, bytes) => {
  expect(readFileSync(join(ROOT, name)).length).toBeLessThanOrEqual(bytes)
})
