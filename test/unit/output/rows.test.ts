import { describe, expect, test } from 'bun:test'
import { documentFormat, rowFormat } from '../../../src/output/rows.ts'

const of = { heads: { Name: 'NAME', CID: 'CID', Size: 'SIZE' }, shown: ['Name', 'Size'] }
const rows = [
  { Name: 'app:1', CID: 'bafy1', Size: '1kB' },
  { Name: 'b', CID: 'bafy2', Size: '20kB' },
]

describe('rows', () => {
  test.each([
    [undefined, ['NAME    SIZE', 'app:1   1kB', 'b       20kB']],
    ['', ['NAME    SIZE', 'app:1   1kB', 'b       20kB']],
    ['table', ['NAME    SIZE', 'app:1   1kB', 'b       20kB']],
    ['table {{.CID}}\\t{{upper .Name}}', ['CID     NAME', 'bafy1   APP:1', 'bafy2   B']],
    ['{{.CID}} {{.Size}}', ['bafy1 1kB', 'bafy2 20kB']],
    ['json', rows.map((row) => JSON.stringify(row))],
    ['{{json .}}', rows.map((row) => JSON.stringify(row))],
  ])('as %j', (format, lines) => {
    expect(rowFormat(format, of).lines(rows)).toEqual(lines)
  })

  test('of no rows are the heads alone', () => {
    expect(rowFormat(undefined, of).lines([])).toEqual(['NAME   SIZE'])
    expect(rowFormat('{{.CID}}', of).lines([])).toEqual([])
  })

  test('say which fields they want', () => {
    const wants = (format?: string) => Object.keys(of.heads).filter((field) => rowFormat(format, of).wants(field))
    expect(wants()).toEqual(['Name', 'Size'])
    expect(wants('{{.CID}}')).toEqual(['CID'])
    expect(wants('json')).toEqual([])
    expect(wants('{{. | json}}')).toEqual([])
  })

  test('have no field that is not there', () => {
    expect(() => rowFormat('{{.Nmae}}', of)).toThrow('the template of --format asks for .Nmae, which is not there')
  })
})

test('a document is written over several lines, in one, or as a template says', () => {
  expect(documentFormat(undefined)([{ a: 1 }])).toBe('[\n    {\n        "a": 1\n    }\n]')
  expect(documentFormat('json')([{ a: 1 }])).toBe('[{"a":1}]')
  expect(documentFormat('{{.a}}')({ a: 1 })).toBe('1')
})
