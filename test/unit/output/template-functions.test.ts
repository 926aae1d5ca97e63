import { describe, expect, test } from 'bun:test'
import { FUNCTIONS, goText, isTrue, type Value } from '../../../src/output/template-functions.ts'

const call = (name: string, ...args: readonly Value[]) => FUNCTIONS[name]?.(...args)

test.each<[string, readonly Value[], Value]>([
  ['json', [{ a: [1, null] }], '{"a":[1,null]}'],
  ['json', [undefined], 'null'],
  ['lower', ['ABC'], 'abc'],
  ['title', ['one-two three'], 'One-two Three'],
  ['split', ['a:b', ':'], ['a', 'b']],
  ['join', [['a', 1], '-'], 'a-1'],
  ['join', ['text', '-'], 'text'],
  ['truncate', ['abc', 5], 'abc'],
  ['len', [{ a: 1, b: 2 }], 2],
  ['len', [null], 0],
  ['index', [{ a: ['x'] }, 'a', 0], 'x'],
  ['index', [{ a: 1 }, 'toString'], undefined],
  ['print', ['a', 1, true], 'a1true'],
  ['println', ['a', 1], 'a 1\n'],
  ['printf', ['%d%% of %v', 5, 'x'], '5% of x'],
  ['printf', ['%5s|%-5s|', 'a', 'b'], '    a|b    |'],
  ['eq', ['a', 'b', 'a'], true],
  ['ne', ['a', 'b'], true],
  ['lt', [1, 2], true],
  ['le', [2, 2], true],
  ['ge', [1, 2], false],
  ['and', ['a', '', 'b'], ''],
  ['and', ['a', 'b'], 'b'],
  ['or', ['', 0], 0],
])('%s %j is %j', (name, args, expected) => {
  expect(call(name, ...args)).toEqual(expected)
})

describe('is an error:', () => {
  test.each<[string, readonly Value[], string]>([
    ['index', [['a'], 1], 'index out of range: 1'],
    ['index', [['a'], -1], 'index out of range: -1'],
    ['index', ['text', 0], 'cannot take an index of text'],
    ['truncate', ['abc', '2'], 'expected a number, not "2"'],
    ['lt', ['a', 1], 'expected a number, not "a"'],
    ['printf', ['%x', 1], 'printf: %x is not supported'],
  ])('%s %j', (name, args, text) => {
    expect(() => call(name, ...args)).toThrow(text)
  })
})

test.each<[Value, boolean]>([
  ['', false],
  ['0', true],
  [0, false],
  [[], false],
  [[''], true],
  [{}, false],
  [{ a: undefined }, true],
  [null, false],
])('%j counts as %p', (value, expected) => {
  expect(isTrue(value)).toBe(expected)
})

test.each<[Value, string]>([
  [undefined, '<no value>'],
  [null, '<no value>'],
  [false, 'false'],
  [['a', ['b', 1]], '[a [b 1]]'],
  [{ b: 1, a: { c: [] } }, 'map[a:map[c:[]] b:1]'],
])('Go prints %j as %s', (value, text) => {
  expect(goText(value)).toBe(text)
})
