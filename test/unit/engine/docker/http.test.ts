import { describe, expect, test } from 'bun:test'
import { errorOf, parseAnswers, request } from '../../../../src/engine/docker/http.ts'

const parse = (text: string) => parseAnswers(Buffer.from(text))

describe('a request', () => {
  test('keeps the connection open for the next, unless it is the last', () => {
    expect(request('GET', '/a', { last: false })).toBe('GET /a HTTP/1.1\r\nHost: docker\r\n\r\n')
    expect(request('GET', '/a', { last: true })).toBe('GET /a HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n')
  })

  test('that may have a body says that it has none', () => {
    expect(request('POST', '/a', { last: true })).toContain('\r\nContent-Length: 0\r\n')
  })
})

describe('answers', () => {
  test('are one behind the other: of a length, in chunks, without a body, and up to the end', () => {
    const text = [
      'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none',
      'HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\ntwo\r\n1\r\n!\r\n0\r\n\r\n',
      'HTTP/1.1 204 No Content\r\n\r\n',
      'HTTP/1.0 500 Internal Server Error\r\nA: b\r\n\r\nto the end\r\n\r\n',
    ]
    expect(parse(text.join(''))).toEqual([
      { status: 200, body: 'one' },
      { status: 404, body: 'two!' },
      { status: 204, body: '' },
      { status: 500, body: 'to the end\r\n\r\n' },
    ])
    expect(parse('')).toEqual([])
  })

  test.each([
    'HTTP/1.1 200 OK\r\nA: b',
    'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\none',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntw',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n\r\n',
  ])('that are cut are an error: %j', (text) => {
    expect(() => parse(text)).toThrow('the connection ended without an answer')
  })

  test.each(['hello\r\n\r\n', 'SSH-2.0-OpenSSH\r\n'])('that are none come from no engine: %j', (text) => {
    expect(() => parse(text)).toThrow('what is there does not speak as the Docker engine does')
  })
})

describe('an answer that is no success', () => {
  test("says why in the engine's words", () => {
    expect(errorOf({ status: 404, body: '{"message":"No such image: a:1"}' })).toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      message: 'No such image: a:1',
    })
  })

  test.each(['', 'Bad Gateway', 'null', '{"message":1}'])('and else by its status: %j', (body) => {
    expect(errorOf({ status: 502, body }).message).toBe('the Docker engine answered: HTTP status 502')
  })
})
