import { describe, expect, test } from 'bun:test'
import { readTemplate } from '../../../src/output/template.ts'

const image = {
  CID: 'bafy',
  Size: 12,
  Names: ['app:1', 'app:2'],
  Config: { Env: ['A=1'], User: '', Labels: { b: '2', a: '1' } },
  Layers: [
    { CID: 'one', Size: 3 },
    { CID: 'two', Size: 0 },
  ],
}

const run = (text: string) => readTemplate(text).run(image)

test.each([
  ['{{.CID}}', 'bafy'],
  ['{{ .CID }}\\t{{.Size}}\\n', 'bafy\t12\n'],
  ['a {{- .CID -}} b', 'abafyb'],
  ['{{json .Names}}', '["app:1","app:2"]'],
  ['{{.Names | json}}', '["app:1","app:2"]'],
  ['{{json .}}', JSON.stringify(image)],
  ['{{.Names}} {{.Config.Labels}}', '[app:1 app:2] map[a:1 b:2]'],
  ['{{.Nothing}} {{.Nothing.More}}', '<no value> <no value>'],
  ['{{join .Names ", "}}', 'app:1, app:2'],
  ['{{range .Layers}}{{.CID}}={{.Size}} {{$.CID}};{{end}}', 'one=3 bafy;two=0 bafy;'],
  ['{{range .Config.Env}}{{println .}}{{end}}', 'A=1\n'],
  ['{{range .Nothing}}x{{else}}none{{end}}', 'none'],
  ['{{if .Config.User}}{{.Config.User}}{{else}}root{{end}}', 'root'],
  ['{{if eq .Size 11}}a{{else if gt .Size 11}}b{{else}}c{{end}}', 'b'],
  ['{{with .Config}}{{.Env}}{{end}}', '[A=1]'],
  ['{{index .Config.Labels "a"}} {{index .Names 1}} {{(index .Layers 0).CID}}', '1 app:2 one'],
  ['{{len .Names}} {{len "abc"}}', '2 3'],
  ['{{upper .CID}} {{title "a bc"}} {{truncate .CID 2}} {{pad "x" 1 2}}|', 'BAFY A Bc ba  x  |'],
  ['{{split "a,b" ","}}', '[a b]'],
  ['{{printf "%-6s|%4d|%q" .CID .Size .CID}}', 'bafy  |  12|"bafy"'],
  ['{{"a }} b"}}{{`\\n`}}{{/* no word */}}', 'a }} b\\n'],
  ['{{not .Size}} {{and .Size .CID}} {{or "" .CID}}', 'false bafy bafy'],
  ['no action at all', 'no action at all'],
])('%j', (text, expected) => {
  expect(run(text)).toBe(expected)
})

describe('is refused:', () => {
  test.each([
    ['{{.CID', 'unclosed action: a }} is missing'],
    ['{{}}', '{{}} is empty'],
    ['{{foo .CID}}', 'function "foo" not defined'],
    ['{{.CID .Size}}', 'unexpected ".Size"'],
    ['{{range $i, $x := .Names}}{{end}}', 'variables such as $i are not supported'],
    ['{{if .CID}}', '{{if}} without {{end}}'],
    ['{{if .CID}}{{else}}', '{{if}} without {{end}}'],
    ['{{end}}', 'unexpected {{end}}'],
    ['{{template "x"}}', 'function "template" not defined'],
    ['{{.CID | "x"}}', 'behind a | is no function'],
    ['{{json (.CID}}', 'a ) is missing'],
    ['{{"a\\x"}}', 'is no string'],
    ['{{.CID |}}', 'is missing'],
    [`${'{{if .CID}}'.repeat(200)}`, 'too many blocks'],
    [`{{${'('.repeat(200)}.CID}}`, 'too many brackets'],
  ])('%j', (text, words) => {
    expect(() => readTemplate(text)).toThrow(words)
  })

  test.each([
    ['{{.CID.Foo}}', 'the template asks for .Foo of what has no fields'],
    ['{{truncate .CID "x"}}', 'the template fails: expected a number'],
    ['{{index .Names 7}}', 'the template fails: index out of range: 7'],
  ])('%j, when it is run', (text, words) => {
    expect(() => run(text)).toThrow(words)
  })
})

test('knows which fields of the value it uses', () => {
  const { fields } = readTemplate('{{.A}}{{if .B}}{{.C.X}}{{end}}{{range .D}}{{.E}}{{else}}{{.F}}{{end}}{{json .G}}')
  expect([...fields]).toEqual(['A', 'B', 'C', 'D', 'F', 'G'])
})
