import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { misfitOf, type Shape } from '../../../../src/image/config/go-json.ts'

const PERSON: Shape = { is: 'object', fields: { Task: { is: 'string' }, Age: { is: 'integer' } } }
const AGE = '"Age" is a string, where an integer belongs'

describe('a field', () => {
  test.each(['Age', 'age', 'aGE', '\\u0041ge'])('is found when it is written %s', (key) => {
    expect(misfitOf(`{"${key}":"7"}`, PERSON)).toBe(AGE)
  })

  test.each(['Ta\u{17f}k', 'TAS\u{212a}', 'ta\\u017f\\u212a'])('is found when it is written %s', (key) => {
    expect(misfitOf(`{"${key}":7}`, PERSON)).toBe('"Task" is a number, where a string belongs')
  })

  test.each(['Äge', 'Age ', 'A', 'Tßk'])('is another one when it is written %s', (key) => {
    expect(misfitOf(`{"${key}":[]}`, PERSON)).toBeUndefined()
  })

  test.each(['{"Age":"7","Age":7}', '{"Age":7,"Age":"7"}', '{"age":"7","Age":7}', '{"Age":7,"AGE":"7"}'])(
    'is read as often as it is there: %s',
    (json) => {
      expect(misfitOf(json, PERSON)).toBe(AGE)
      expect(misfitOf(json.replace('"7"', '8'), PERSON)).toBeUndefined()
    },
  )

  test.each(['"a\\\\"', '"\\\\\\"["', '"{\\"Age\\":\\"7\\"}"', '["]}",{"Age":"7"}]', '-1.5e+3', 'null', '{}', '[ ]'])(
    'is found behind %s',
    (value) => {
      expect(misfitOf(` {"x" : ${value} , "Age"\n:\t"7" } `, PERSON)).toBe(AGE)
      expect(misfitOf(` {"x" : ${value} , "Age"\n:\t7 } `, PERSON)).toBeUndefined()
    },
  )
})

describe('lists and objects in one another', () => {
  const nested = (open: string, close: string, depth: number) => `{"x":${open.repeat(depth)}1${close.repeat(depth)}}`
  const words = 'it has more than 10,000 lists or objects in one another'

  test.each([
    ['[', ']'],
    ['{"a":', '}'],
  ])('may be 10,000: %s', (open, close) => {
    expect(misfitOf(nested(open, close, 9999), PERSON)).toBeUndefined()
    expect(misfitOf(nested(open, close, 10_000), PERSON)).toBe(words)
  })

  test('are not what stands in a text', () => {
    expect(misfitOf(`{"x":"${'['.repeat(20_000)}"}`, PERSON)).toBeUndefined()
  })
})

test('any JSON is read to its end', () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(undefined, 1), (json, spaces) => {
      const value = JSON.stringify(JSON.parse(json), null, spaces)
      expect(misfitOf(`{"x":${value},"Age":7}`, PERSON)).toBeUndefined()
      expect(misfitOf(`{"x":${value},"Age":"7"}`, PERSON)).toBe(AGE)
    }),
  )
})
