import { describe, expect, test } from 'bun:test'
import { createDocker } from '../../../../src/engine/docker/command.ts'
import { DockerIpfsError } from '../../../../src/errors.ts'

/** A shell in docker's place: what it is to run is in front of what docker would be told. */
const shell = (script: string, env: Readonly<Record<string, string | undefined>> = process.env) =>
  createDocker({ docker: 'sh', globals: ['-c', script, 'docker'], env })

const never = new AbortController().signal
const cancelled = new DockerIpfsError('CANCELLED', 'cancelled', { signal: 2 })

describe('docker that Ctrl-C ends', () => {
  test.each(['kill -INT $$', 'exit 130'])('before it is heard here is no error of docker: %s', async (script) => {
    const stop = new AbortController()
    const run = shell(script).run([], stop.signal)
    setTimeout(() => stop.abort(cancelled), 100)
    expect(await run.catch((error) => error)).toBe(cancelled)
  })

  test.each(['kill -INT $$', 'exit 130'])('and nobody else is an error: %s', async (script) => {
    const run = shell(script).run([], never)
    expect(await run.catch((error) => error)).toMatchObject({ code: 'ENGINE_FAILED' })
  })
})

describe('docker', () => {
  test('is told its own flags first, and gives what it prints without the last line breaks', async () => {
    expect(await shell('echo "$0 $*"; echo').run(['image', 'ls'], never)).toBe('docker image ls')
  })

  test('has the environment that it is given, and no other', async () => {
    const docker = shell('echo "$A-$HOME-"', { PATH: process.env['PATH'], A: 'b' })
    expect(await docker.run([], never)).toBe('b--')
  })

  test('reads nothing of our input', async () => {
    expect(await shell('cat').run([], never)).toBe('')
  })

  test.each([
    ['Error response from daemon: No such image: x', 'IMAGE_NOT_FOUND', 'No such image: x'],
    ['Error: No such object: x', 'IMAGE_NOT_FOUND', 'No such object: x'],
    ['WARNING: odd\nError response from daemon: no', 'ENGINE_FAILED', 'the Docker engine answered: no'],
    ['docker: Error response from daemon: no', 'ENGINE_FAILED', 'the Docker engine answered: no'],
    ['', 'ENGINE_FAILED', 'docker failed without a word'],
    [
      'Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?',
      'ENGINE_UNREACHABLE',
      'cannot reach the Docker engine: Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?',
    ],
  ] as const)('that fails with %j is an error: %s', async (words, code, message) => {
    const failed = shell(`printf '%s' "${words}" >&2; exit 1`).run([], never)
    await expect(failed).rejects.toMatchObject({ code, message })
  })

  test('that is not there is an engine that cannot be reached', async () => {
    const none = createDocker({ docker: '/nowhere/docker', globals: [], env: {} })
    await expect(none.run([], never)).rejects.toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: 'cannot find the docker command',
    })
  })

  test('is ended with the signal', async () => {
    const stop = new AbortController()
    const running = shell('exec sleep 60').run([], stop.signal)
    stop.abort(cancelled)
    expect(await running.catch((error) => error)).toBe(cancelled)
  })
})

describe('docker that is followed', () => {
  const read = async (script: string) => {
    const parts: string[] = []
    for await (const bytes of shell(script).follow([], never)) parts.push(Buffer.from(bytes).toString())
    return parts.join('')
  }

  test('gives what it prints, errors too', async () => {
    expect(await read('echo out; echo err >&2')).toBe('out\nerr\n')
  })

  test('fails when docker fails', async () => {
    await expect(read('echo out; exit 1')).rejects.toMatchObject({ code: 'ENGINE_FAILED' })
  })

  test('is ended by a reader that has had enough', async () => {
    let pid = 0
    for await (const bytes of shell('echo $$; exec sleep 60').follow([], never)) {
      pid = Number(Buffer.from(bytes).toString())
      break
    }
    expect(pid).toBeGreaterThan(0)
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })
})
