import { describe, expect, test } from 'bun:test'
import { createDockerTerminal } from '../../../../src/engine/docker/terminal.ts'
import { DockerIpfsError } from '../../../../src/errors.ts'
import { errorOf } from '../../../support/error-of.ts'

// A shell in the place of docker: all that matters is how it ends, and what it is sent.
const env = { PATH: process.env['PATH'] }
const shell = (isTerminal = false) => createDockerTerminal({ docker: 'sh', globals: ['-c'], env }, isTerminal)
const never = new AbortController().signal

describe('docker in the place of ours', () => {
  test.each([
    ['exit 0', 0],
    ['exit 7', 7],
    ['kill -KILL $$', 137],
  ])('%s ends with %d', async (script, code) => {
    expect(await shell().attached([script], never)).toBe(code)
  })

  test.each([
    [15, 'TERM', 31],
    [2, 'INT', 32],
  ])('is sent signal %d', async (signal, name, code) => {
    const stop = new AbortController()
    const running = shell().attached([`trap 'exit ${code}' ${name}; while :; do sleep 0.01; done`], stop.signal)
    await Bun.sleep(200)
    stop.abort(new DockerIpfsError('CANCELLED', 'cancelled', { signal }))
    expect(await running).toBe(code)
  })

  test('is not sent what a terminal has sent it', async () => {
    const stop = new AbortController()
    const running = shell(true).attached(["trap 'exit 9' INT; sleep 0.4; exit 5"], stop.signal)
    await Bun.sleep(200)
    stop.abort(new DockerIpfsError('CANCELLED', 'cancelled', { signal: 2 }))
    expect(await running).toBe(5)
  })

  test('is missed where there is none', async () => {
    const none = createDockerTerminal({ docker: '/nowhere/docker', globals: [], env }, false)
    expect(await errorOf(none.attached(['run'], never))).toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: 'cannot find the docker command',
    })
    expect(await none.help()).toBe('')
  })
})
