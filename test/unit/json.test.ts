import { expect, test } from 'bun:test'
import { isObject, parsedObject } from '../../src/json.ts'

test('an object is neither null nor a list nor anything else', () => {
  expect(isObject({})).toBe(true)
  for (const value of [null, undefined, [], 'a', 1, true]) expect(isObject(value)).toBe(false)
})

test('what is no JSON object is not there', () => {
  expect(parsedObject('{"a":[1]}')).toEqual({ a: [1] })
  for (const text of ['', '{', 'null', '[{}]', '"a"', '{}{}', '<html>']) expect(parsedObject(text)).toBeUndefined()
})
