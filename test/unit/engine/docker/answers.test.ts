import { describe, expect, test } from 'bun:test'
import { hearLines, isAvailable, readLoaded, readUnpacked, readWhole } from '../../../../src/engine/docker/answers.ts'

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

describe('what a load says', () => {
  test('is what docker prints', () => {
    expect(readLoaded('{"stream":"Loaded image: a:1\\n"}\r\n{"status":"x"}\n{"stream":"Loaded image: b:1\\n"}\n')).toBe(
      'Loaded image: a:1\nLoaded image: b:1',
    )
    expect(readLoaded('')).toBe('')
  })

  test('is an error where one stands in it, although the status was that of a success', () => {
    const text = '{"stream":"Loading"}\n{"errorDetail":{"message":"unexpected EOF"},"error":"unexpected EOF"}\n'
    expect(() => readLoaded(text)).toThrow('the Docker engine answered: unexpected EOF')
    expect(() => readLoaded('Loaded')).toThrow('docker gave an answer that cannot be read')
  })

  test.each(['no space left on device', 'disk quota exceeded'])(
    'of an image that it has and could not unpack (%s) is an error too',
    (words) => {
      const complaint = `Error unpacking image x: apply layer error for "x": write /usr/lib/a: ${words}`
      const text = [`Loaded image ID: sha256:1\n`, `${complaint}\n`]
        .map((stream) => JSON.stringify({ stream }))
        .join('\n')
      expect(() => readLoaded(text)).toThrow(
        expect.objectContaining({ code: 'ENGINE_FULL', message: `the Docker engine's disk is full: ${complaint}` }),
      )
    },
  )

  test('of an image that it could not unpack for another reason is for the load to judge', () => {
    const complaint = 'Error unpacking image x: wrong diff id'
    expect(readLoaded(JSON.stringify({ stream: `${complaint}\n` }))).toBe(complaint)
    // A full disk of something else, in the name of an image.
    const other = 'Loaded image: no space left on device'
    expect(readLoaded(JSON.stringify({ stream: other }))).toBe(other)
  })
})

describe('the figures of a load', () => {
  const line = '{"status":"Loading layer","progressDetail":{"current":7,"total":9},"id":"d6106f11772a"}'
  const heard = (...pieces: string[]) => {
    const told: string[] = []
    const hear = hearLines((text) => readUnpacked(text, (id, bytes) => told.push(`${id} ${bytes}`)))
    for (const piece of pieces) hear(Buffer.from(piece))
    return told
  }

  test('are heard between the chunks of HTTP, however they come', () => {
    const text = `HTTP/1.1 200 OK\r\n\r\n58\r\n${line}\r\n\r\n58\r\n${line}\r\n\r\n0\r\n\r\n`
    expect(heard(text)).toEqual(['d6106f11772a 7', 'd6106f11772a 7'])
    expect(heard(...text)).toEqual(['d6106f11772a 7', 'd6106f11772a 7'])
  })

  test('are nothing where they cannot be read', () => {
    const odd = [
      '{"status":"Loading layer"}',
      '{"status":"Loading layer","progressDetail":7,"id":"x"}',
      '{"status":"Loading layer","progressDetail":{"current":"7"},"id":"x"}',
      '{"status":"Loading layer","progressDetail":{"current":7}}',
      '{"status":"Loading layer","progressDetail":{"curr',
      '{"stream":"Loaded image: a:1\\n"}',
    ]
    expect(heard(`${odd.join('\n')}\n`)).toEqual([])
  })

  test('are heard behind a line that has no end', () => {
    expect(heard('x'.repeat(1 << 20), 'y'.repeat(1 << 20), `\n${line}\n`)).toEqual(['d6106f11772a 7'])
  })
})
