import { describe, expect, test } from 'bun:test'
import { longLines, quantile, sentencesOf, wordsOf } from '../support/prose.ts'

describe('sentencesOf', () => {
  test('joins the lines of a paragraph and splits it at full stops', () => {
    expect(sentencesOf('One thing\nis said. Then another! Is it?\n\nA new paragraph')).toEqual([
      'One thing is said.',
      'Then another!',
      'Is it?',
      'A new paragraph',
    ])
  })

  test('takes each item of a list for a sentence of its own', () => {
    expect(sentencesOf('There are two:\n- the first\n  goes on\n- the second. It has two\n\n1. numbered')).toEqual([
      'There are two:',
      'the first goes on',
      'the second.',
      'It has two',
      'numbered',
    ])
  })

  test('leaves out code, tables, headings, images and comments', () => {
    const text = [
      '# A heading. Here',
      'Before.',
      '',
      '    $ indented code. It is long',
      '',
      '    $ more of it',
      '',
      '```console',
      'fenced. Code',
      '',
      'and more',
      '```',
      '| a table | of. Cells |',
      '![A picture. Of it](docs/x.svg)',
      '<!-- a comment. -->',
      'After.',
    ]
    expect(sentencesOf(text.join('\n'))).toEqual(['Before.', 'After.'])
  })

  test('takes an indented line within a list for prose, and one that is deeper for code', () => {
    expect(sentencesOf('- an item\n\n  and its second paragraph\n\n      code of it\n\nThe end')).toEqual([
      'an item',
      'and its second paragraph',
      'The end',
    ])
  })

  test('sees no end in code, links, numbers, names of files and abbreviations', () => {
    const text = 'Give `IMAGE... Or two` to [Kubo 0.43](https://a.example/b. C), e.g. 20.10 of config.json. '
    expect(sentencesOf(`${text}\`save\` begins this one. (So does this.) "And that." Ends`)).toEqual([
      'Give `IMAGE... Or two` to Kubo 0.43, e.g. 20.10 of config.json.',
      '`save` begins this one.',
      '(So does this.)',
      '"And that."',
      'Ends',
    ])
  })

  test('reads quotes as prose, and gives nothing for nothing', () => {
    expect(sentencesOf('> quoted\n> text.\n')).toEqual(['quoted text.'])
    expect(sentencesOf('')).toEqual([])
  })
})

describe('wordsOf', () => {
  test('counts what has a letter or a digit', () => {
    expect(wordsOf('`docker ipfs save -i FILE` takes 2 files – or "-" → one')).toBe(10)
    expect(wordsOf('')).toBe(0)
  })
})

describe('longLines', () => {
  const long = 'word '.repeat(30).trim()

  test('gives lines of prose, lists and headings that are too long', () => {
    expect(longLines(`short\n${long}\n- ${long}\n# ${long}`, 100)).toEqual([long, `- ${long}`, `# ${long}`])
    expect(longLines('a b', 3)).toEqual([])
    expect(longLines('ä b', 2)).toEqual(['ä b'])
  })

  test('lets tables, images, code and what cannot be broken be', () => {
    const url = `https://example.org/${'x'.repeat(100)}`
    const text = `| ${long} |\n![${long}](x.svg)\n<img alt="${long}">\n- <${url}>\n\nText:\n\n    ${long}\n\n\`\`\`\n${long}\n\`\`\``
    expect(longLines(text, 100)).toEqual([])
  })
})

test('quantile gives the value that a share of all is at most', () => {
  const values = [10, 1, 9, 2, 8, 3, 7, 4, 6, 5]
  expect([0.5, 0.9, 1, 0].map((share) => quantile(values, share))).toEqual([5, 9, 10, 1])
  expect(quantile([], 0.5)).toBe(0)
})
