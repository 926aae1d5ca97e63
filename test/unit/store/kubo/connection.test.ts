import { expect, test } from 'bun:test'
import { apiOf, connectionOf } from '../../../../src/store/kubo/connection.ts'

const at = (url: string) => ({ url, source: '--api' })

test('the API is below the address', () => {
  expect(apiOf(at('https://node.example/kubo'))).toBe('https://node.example/kubo/api/v0')
})

test.each([
  ['http://127.0.0.1:5001', true],
  ['https://127.9.9.9', true],
  ['http://localhost:5001', true],
  ['http://[::1]:5001', true],
  ['http://192.0.2.1:5001', false],
  ['http://localhost.example', false],
  ['http://127.example', false],
  ['https://node.example/127.0.0.1', false],
])('no proxy stands between this machine and itself: %s, %p', (url, isHere) => {
  expect(connectionOf(at(url))).toEqual({ redirect: 'error', headers: {}, ...(isHere ? { proxy: false } : {}) })
})

test('every call goes the way that the endpoint says', () => {
  const endpoint = { ...at('https://node.example'), socket: '/run/s', authorization: 'Bearer x', ca: 'PEM' }
  expect(connectionOf(endpoint)).toEqual({
    redirect: 'error',
    headers: { authorization: 'Bearer x' },
    unix: '/run/s',
    tls: { ca: 'PEM' },
  })
})
