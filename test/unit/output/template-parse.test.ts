import { expect, test } from 'bun:test'
import { parseTemplate, type TemplatePart } from '../../../src/output/template-parse.ts'

const text = (words: string): TemplatePart => ({ type: 'text', text: words })
const field = (...path: string[]): TemplatePart => ({ type: 'value', of: { type: 'field', path, of: 'dot' } })

test('text and actions come in turn, with nothing between two actions', () => {
  expect(parseTemplate('a {{.B}}{{.C.D}} e')).toEqual([text('a '), field('B'), field('C', 'D'), text(' e')])
  expect(parseTemplate('')).toEqual([])
})

test('tabs and line ends may be typed as in a shell', () => {
  expect(parseTemplate('a\\tb\\n')).toEqual([text('a\tb\n')])
})

test('what is before a pipe is the last argument of what is behind', () => {
  const names = { type: 'field', path: ['Names'], of: 'dot' } as const
  const comma = { type: 'constant', value: ',' } as const
  const call = (name: string, ...args: readonly object[]) => ({ type: 'call', name, args })
  expect(parseTemplate('{{.Names | join "," | upper}}')).toEqual([
    { type: 'value', of: call('upper', call('join', comma, names)) },
  ] as TemplatePart[])
})

test('an else if is a block within the otherwise', () => {
  const [block] = parseTemplate('{{if .A}}a{{else if .B}}b{{else}}c{{end}}')
  expect(block).toMatchObject({
    type: 'if',
    body: [text('a')],
    otherwise: [{ type: 'if', body: [text('b')], otherwise: [text('c')] }],
  })
})

test('a comment leaves nothing, and takes white space where it says so', () => {
  expect(parseTemplate('a {{- /* b */ -}} c')).toEqual([text('a'), text('c')])
})

test.each([
  ['{{true}}', true],
  ['{{false}}', false],
  ['{{nil}}', undefined],
  ['{{-1.5}}', -1.5],
  ['{{"a\\"b"}}', 'a"b'],
])('%s is a constant', (template, value) => {
  expect(parseTemplate(template)).toEqual([{ type: 'value', of: { type: 'constant', value } }])
})

test('a template that cannot be read is a bad flag, with a hint how to write one', () => {
  expect(() => parseTemplate('{{.A')).toThrow(
    expect.objectContaining({ code: 'BAD_FLAG', hint: expect.stringContaining('Write it as for docker') }),
  )
  expect(() => parseTemplate('{{nope .A}}')).toThrow(
    expect.objectContaining({ hint: expect.stringContaining('There are json, lower, ') }),
  )
})
