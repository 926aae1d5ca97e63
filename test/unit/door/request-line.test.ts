import { expect, test } from 'bun:test'
import { requestJson, requestLine } from '../../../src/door/request-line.ts'

const TIME = '2026-11-28T12:00:00.000Z'
const ENTRY = {
  method: 'GET',
  path: '/v2/',
  status: 200,
  bytes: 2,
  received: 0,
  milliseconds: 1.6,
  agent: 'docker/28 go/1',
}

test.each([
  [{}, 'GET /v2/ 200 2B out, 2 ms (docker/28)'],
  [{ agent: '' }, 'GET /v2/ 200 2B out, 2 ms'],
  [
    { method: 'PUT', bytes: 0, received: 5000, status: 201, root: 'bafy' },
    'PUT /v2/ 201 5kB in, 2 ms, bafy (docker/28)',
  ],
  [{ status: 0, error: 'it\nbroke' }, 'GET /v2/ gone 2B out, 2 ms (docker/28): it broke'],
])('a request with %p is a line for people', (more, line) => {
  expect(requestLine({ ...ENTRY, ...more }, TIME)).toBe(`${TIME} ${line}`)
})

test('a request is a line for machines', () => {
  expect(JSON.parse(requestJson(ENTRY, TIME))).toEqual({ time: TIME, ...ENTRY })
})
