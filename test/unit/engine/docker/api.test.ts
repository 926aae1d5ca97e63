import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Api, createApi } from '../../../../src/engine/docker/api.ts'
import { createDocker } from '../../../../src/engine/docker/command.ts'
import { createConnect } from '../../../../src/engine/docker/connection.ts'
import { DockerIpfsError } from '../../../../src/errors.ts'
import { collect } from '../../../../src/streams.ts'

const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-api-'))
const path = join(folder, 'engine.sock')
const servers: Server[] = []
const cancelled = new DockerIpfsError('CANCELLED', 'cancelled', { signal: 2 })
const { signal } = new AbortController()

afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Something that listens where the engine would, and does as it is told with each connection. */
async function engine(act: (socket: Socket) => void): Promise<Api> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    act(socket)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(path, resolve))
  return apiAt(path)
}

function apiAt(socket: string): Api {
  const options = { docker: 'false', globals: ['--host', `unix://${socket}`], env: {}, configFile: '' }
  return createApi(createConnect(createDocker(options), options))
}

/** Answers at once, and ends the connection. */
const says = (text: string) => (socket: Socket) => {
  socket.on('data', () => socket.end(text))
}

const OK = 'HTTP/1.1 200 OK\r\nConnection: close\r\n'

describe('a question', () => {
  test('is answered', async () => {
    const api = await engine(says(`${OK}Content-Length: 2\r\n\r\nok`))
    expect(await api.ask('GET', '/_ping', signal)).toEqual({ status: 200, body: 'ok' })
  })

  test('of several over one connection is answered in its turn', async () => {
    let connections = 0
    const api = await engine((socket) => {
      connections += 1
      let heard = ''
      socket.on('data', (bytes) => {
        heard += bytes
        if (!heard.includes('Connection: close\r\n\r\n')) return
        const paths = [...heard.matchAll(/^GET (\S+)/gm)].map((match) => match[1] as string)
        socket.end(paths.map((each) => `HTTP/1.1 200 OK\r\nContent-Length: ${each.length}\r\n\r\n${each}`).join(''))
      })
    })
    const answers = await api.askAll(['/a', '/bc', '/d'], signal)
    expect(answers.map(({ body }) => body)).toEqual(['/a', '/bc', '/d'])
    expect(connections).toBe(1)
  })

  test.each(['', 'hello', `${OK}Content-Length: 3\r\n\r\nok`])(
    'whose answer is %j is none of an engine',
    async (text) => {
      const api = await engine(says(text))
      await expect(api.ask('GET', '/', signal)).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
    },
  )

  test('where nobody listens says where', async () => {
    await expect(apiAt(join(folder, 'none.sock')).ask('GET', '/', signal)).rejects.toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: `cannot reach the Docker engine: Cannot connect to the Docker daemon at unix://${folder}/none.sock. Is the docker daemon running?`,
    })
  })

  test('that is not answered ends with the signal', async () => {
    const stop = new AbortController()
    const api = await engine((socket) => socket.on('data', () => stop.abort(cancelled)))
    expect(await api.ask('GET', '/', stop.signal).catch((error) => error)).toBe(cancelled)
    expect(await api.ask('GET', '/', AbortSignal.abort(cancelled)).catch((error) => error)).toBe(cancelled)
  })
})

describe('a download', () => {
  const read = async (api: Api) => Buffer.from(await collect(api.download('/x', signal), 1 << 24, 'it')).toString()

  test('is the body, however its head is cut', async () => {
    const api = await engine((socket) => {
      socket.write('HTTP/1.0 200 OK\r\nA: b\r\n\r')
      setTimeout(() => socket.end('\nbody\r\n\r\nbody'), 20)
    })
    expect(await read(api)).toBe('body\r\n\r\nbody')
  })

  test('that is refused fails with what the engine says', async () => {
    const api = await engine(says('HTTP/1.0 404 Not Found\r\n\r\n{"message":"No such image: x"}'))
    await expect(read(api)).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND', message: 'No such image: x' })
  })

  test('that is left early hangs up', async () => {
    const over = Promise.withResolvers<void>()
    const api = await engine((socket) => {
      socket.write('HTTP/1.0 200 OK\r\n\r\nbody')
      socket.on('close', () => over.resolve())
      socket.resume()
    })
    for await (const _ of api.download('/x', signal)) break
    await over.promise
  })
})

describe('an upload', () => {
  /** What the engine got of the body, as it came, up to the end of the connection. */
  async function upload(body: () => AsyncIterable<Uint8Array>, act: (socket: Socket, heard: Buffer) => void) {
    let heard = Buffer.alloc(0)
    const over = Promise.withResolvers<void>()
    const api = await engine((socket) => {
      socket.on('data', (bytes: Buffer) => {
        heard = Buffer.concat([heard, bytes])
        act(socket, heard)
      })
      socket.on('close', () => over.resolve())
    })
    const answer = await api.upload('/load', body(), signal).catch((error) => error)
    await over.promise
    return { answer, body: heard.subarray(heard.indexOf('\r\n\r\n') + 4) }
  }

  const answerAtEnd = (socket: Socket, heard: Buffer) => {
    if (heard.subarray(-5).toString() === '0\r\n\r\n') socket.end(`${OK}Content-Length: 4\r\n\r\ndone`)
  }

  test('arrives in chunks, small and large', async () => {
    const large = Buffer.alloc(100_000, 'x')
    const { answer, body } = await upload(async function* () {
      yield Buffer.from('abc')
      yield new Uint8Array(0)
      yield large
    }, answerAtEnd)
    expect(answer).toEqual({ status: 200, body: 'done' })
    expect(body.toString()).toBe(`3\r\nabc\r\n186a0\r\n${large}\r\n0\r\n\r\n`)
  })

  test('that fails here is not ended as if it were whole', async () => {
    const { answer, body } = await upload(async function* () {
      yield Buffer.from('abc')
      await Bun.sleep(20)
      throw new Error('broke')
    }, answerAtEnd)
    expect(answer).toEqual(new Error('broke'))
    expect(body.toString()).toBe('3\r\nabc\r\n')
  })

  test('that the engine refuses halfway ends with its answer, and is not read on', async () => {
    let pieces = 0
    const { answer } = await upload(
      async function* () {
        for (; pieces < 10_000; pieces += 1) yield Buffer.alloc(100_000)
      },
      (socket) => {
        socket.removeAllListeners('data')
        socket.resume()
        socket.end('HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n\r\n{"message":"disk full"}')
      },
    )
    expect(answer).toMatchObject({ status: 500, body: '{"message":"disk full"}' })
    expect(pieces).toBeLessThan(1000)
  })
})

describe('an engine that only docker can reach', () => {
  /** A shell in docker's place. */
  const api = (script: string) => {
    const globals = ['-c', script, '--host', 'ssh://far']
    const options = { docker: 'sh', globals, env: process.env, configFile: '' }
    return createApi(createConnect(createDocker(options), options))
  }

  test('is asked through docker', async () => {
    const answer = await api(
      `read request; echo "$request" | grep -q '^GET /_ping ' && printf 'HTTP/1.1 200 OK\\r\\n\\r\\nok'`,
    ).ask('GET', '/_ping', signal)
    expect(answer).toEqual({ status: 200, body: 'ok' })
  })

  test("fails with docker's words", async () => {
    await expect(api('echo "ssh: no route to host" >&2; exit 1').ask('GET', '/', signal)).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: 'the Docker engine answered: ssh: no route to host',
    })
  })

  test('is given up with the signal', async () => {
    const stop = new AbortController()
    setTimeout(() => stop.abort(cancelled), 50)
    expect(
      await api('exec sleep 60 #')
        .ask('GET', '/', stop.signal)
        .catch((error) => error),
    ).toBe(cancelled)
  })
})
