import { describe, expect, test } from 'bun:test'
import { createDocker } from '../../../../src/engine/docker/command.ts'
import { DockerIpfsError } from '../../../../src/errors.ts'

/** A shell in docker's place: what it is to run is in front of what docker would be told. */
const shell = (script: string) => createDocker({ docker: 'sh', globals: ['-c', script], env: process.env })

const cancelled = new DockerIpfsError('CANCELLED', 'cancelled', { signal: 2 })

describe('docker that Ctrl-C ends', () => {
  test.each(['kill -INT $$', 'exit 130'])('before it is heard here is no error of docker: %s', async (script) => {
    const stop = new AbortController()
    const run = shell(script).run([], stop.signal)
    setTimeout(() => stop.abort(cancelled), 100)
    expect(await run.catch((error) => error)).toBe(cancelled)
  })

  test.each(['kill -INT $$', 'exit 130'])('and nobody else is an error: %s', async (script) => {
    const run = shell(script).run([], new AbortController().signal)
    expect(await run.catch((error) => error)).toMatchObject({ code: 'ENGINE_FAILED' })
  })
})
