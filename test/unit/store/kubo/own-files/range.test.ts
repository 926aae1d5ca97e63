import { afterEach, describe, expect, test } from 'bun:test'
import { createServer, type Server, type Socket } from 'node:net'
import { getRange } from '../../../../../src/store/kubo/own-files/range.ts'
import { collect } from '../../../../../src/streams.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})
const asked: string[] = []

/** A server that answers as `answer` says, once it has been asked. */
async function serve(answer: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', (request) => {
      asked.push(request.toString())
      answer(socket)
    })
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

const { signal: never } = new AbortController()

async function get(answer: (socket: Socket) => void, signal = never): Promise<string> {
  const bytes = getRange(await serve(answer), '/ipfs/bafy/a b', { offset: 10, length: 4 }, signal)
  return Buffer.from(await collect(bytes, 100, 'it')).toString()
}

const head = (status: string) => `HTTP/1.0 ${status}\r\nContent-Type: text/plain\r\n\r\n`

describe('a part of a file', () => {
  test('is asked for by its bytes, with a path that is encoded', async () => {
    asked.length = 0
    expect(await get((socket) => socket.end(`${head('206 Partial Content')}part`))).toBe('part')
    expect(asked).toEqual([
      expect.stringMatching(
        /^GET \/ipfs\/bafy\/a%20b HTTP\/1\.0\r\nHost: 127\.0\.0\.1:\d+\r\nRange: bytes=10-13\r\n\r\n$/,
      ),
    ])
  })

  test('is put together from any pieces', async () => {
    const pieces = ['HTTP/1.1 206 OK\r', '\nA: b\r\n\r', '\np', 'ar', 't']
    const slowly = async (socket: Socket) => {
      for (const piece of pieces) {
        socket.write(piece)
        await Bun.sleep(5)
      }
      socket.end()
    }
    expect(await get((socket) => void slowly(socket))).toBe('part')
  })

  test.each([
    ['another status', `${head('200 OK')}part`, 'the answer is "HTTP/1.0 200 OK"'],
    ['no HTTP', 'hello\r\n\r\npart', 'the answer is "hello"'],
    ['a head without an end', 'x'.repeat(100_000), 'the answer is ""'],
    ['less', `${head('206 OK')}par`, '1 of 4 bytes are missing'],
    ['nothing', '', '4 of 4 bytes are missing'],
    ['more', `${head('206 OK')}parts`, 'more than the 4 bytes that were asked for'],
  ])('is not what comes with %s', async (_, answer, message) => {
    await expect(get((socket) => socket.end(answer))).rejects.toThrow(message)
  })

  test('is not what comes from nobody', async () => {
    const url = await serve(() => undefined)
    servers.pop()?.close()
    await expect(collect(getRange(url, '/', { offset: 0, length: 1 }, never), 9, 'it')).rejects.toThrow()
  })

  test('ends with the reason of the signal, and the connection with it', async () => {
    const stop = new AbortController()
    const closed = Promise.withResolvers<void>()
    const answer = (socket: Socket) => {
      socket.on('close', () => closed.resolve())
      socket.write(`${head('206 OK')}pa`)
      setTimeout(() => stop.abort(new Error('cancelled')), 20)
    }
    await expect(get(answer, stop.signal)).rejects.toThrow('cancelled')
    await closed.promise
    await expect(get(() => undefined, stop.signal)).rejects.toThrow('cancelled')
  })
})
