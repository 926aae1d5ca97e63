import { describe, expect, test } from 'bun:test'
import { engineError, isAvailable, readWhole } from '../../../src/docker/answers.ts'
import { readAnswer, request } from '../../../src/docker/api.ts'

const image = (id: string, available: unknown) => ({
  Id: id,
  Manifests: [{ ID: 'other' }, { ID: id, Available: available }],
})

describe("what the engine's API says of an image", () => {
  test('is whether the store has all of it', () => {
    expect(isAvailable(image('sha256:a', true))).toBe(true)
    expect(isAvailable(image('sha256:a', false))).toBe(false)
  })

  test.each([{ Id: 'sha256:a' }, { Id: 'sha256:a', Manifests: [] }, image('sha256:a', 'yes'), null])(
    'is nothing where it does not say: %j',
    (value) => {
      expect(isAvailable(value)).toBeUndefined()
    },
  )

  test('is read for each image of a list', () => {
    const list = [image('sha256:a', true), image('sha256:b', false), { Id: 'sha256:c' }]
    expect(readWhole(JSON.stringify(list))).toEqual(new Set(['sha256:a']))
    expect(readWhole('{"message":"no"}')).toEqual(new Set())
  })
})

describe("the engine's answer over docker's connection", () => {
  async function* pieces(...texts: string[]) {
    for (const text of texts) yield Buffer.from(text)
  }

  test('is asked for in HTTP/1.0, so that it comes in one piece', () => {
    expect(request('/_ping')).toBe('GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n')
  })

  test('is status and body, however it is cut', async () => {
    expect(await readAnswer(pieces('HTTP/1.0 20', '0 OK\r\nA: b\r\n\r', '\n{"a":\r\n\r\n1}'))).toEqual({
      status: 200,
      body: '{"a":\r\n\r\n1}',
    })
  })

  test.each(['', 'HTTP/1.0 200 OK\r\nA: b', 'hello\r\n\r\n'])('is an error when it is none: %j', async (text) => {
    await expect(readAnswer(pieces(text))).rejects.toMatchObject({ code: 'ENGINE_FAILED' })
  })
})

test('a layer that is not what the image says is a matter of integrity', () => {
  for (const text of [
    'invalid diffID for layer 1: expected "x", got "y"',
    'apply layer error: wrong diff id calculated',
  ]) {
    expect(engineError(text, undefined)).toMatchObject({ code: 'INTEGRITY' })
  }
})
