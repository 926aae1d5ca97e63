import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installedPlugin, pluginVersion, readPlugin } from '../../../../src/engine/docker/plugins.ts'
import { DockerIpfsError } from '../../../../src/errors.ts'

const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-plugins-'))
const never = new AbortController().signal
afterAll(() => rmSync(folder, { recursive: true }))

const OURS = { Name: 'ipfs', Version: '1.2.0', Path: '/a/docker-ipfs', ShadowedPaths: ['/b/docker-ipfs'] }
const infoOf = (...plugins: unknown[]) => JSON.stringify({ Debug: false, Plugins: plugins })

describe("docker's list of its plugins", () => {
  test('has ours with where it is, and what is passed over', () => {
    const text = infoOf({ Name: 'buildx', Version: 'v0.1', Path: '/a/docker-buildx' }, OURS)
    expect(readPlugin(text, 'ipfs')).toEqual({ version: '1.2.0', path: '/a/docker-ipfs', hidden: ['/b/docker-ipfs'] })
    expect(readPlugin(text, 'buildx')).toEqual({ version: 'v0.1', path: '/a/docker-buildx', hidden: [] })
  })

  test.each([infoOf(), infoOf(null, 'x', {}), '{}', '{"Plugins":null}'])('has it not: %s', (text) => {
    expect(readPlugin(text, 'ipfs')).toBeUndefined()
  })

  test('is an object', () => {
    expect(() => readPlugin('', 'ipfs')).toThrow('docker gave an answer that cannot be read')
  })

  test('is asked for without an engine', async () => {
    const calls: string[] = []
    const run = async (args: readonly string[]) => {
      calls.push(args.join(' '))
      return infoOf(OURS)
    }
    expect(await installedPlugin({ run }, 'ipfs', never)).toMatchObject({ version: '1.2.0' })
    expect(calls).toEqual(['info --format {{json .ClientInfo}}'])
  })
})

describe('a plugin that is asked for its version', () => {
  /** A program of this shell script. */
  function program(script: string): string {
    const path = join(folder, crypto.randomUUID())
    writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    return path
  }
  const ask = (path: string, signal = never) => pluginVersion(path, { PATH: '/usr/bin:/bin', SAID: '3.1' }, signal)

  test('says it as docker has it said', async () => {
    const path = program(`[ "$1" = docker-cli-plugin-metadata ] && echo '{"SchemaVersion":"0.1.0","Version":"1.2.0"}'`)
    expect(await ask(path)).toBe('1.2.0')
  })

  test("has docker's environment, and no other", async () => {
    const path = program(`echo "{\\"Version\\":\\"$SAID $HOME\\"}"`)
    expect(await ask(path)).toBe('3.1 ')
  })

  test.each(['echo hello', 'echo "{}"', `echo '{"Version":1}'`, `echo '{"Version":"1"}'; exit 1`])(
    'is none that answers %j',
    async (script) => {
      expect(await ask(program(script))).toBeUndefined()
    },
  )

  test('is none where there is no program', async () => {
    expect(await ask(join(folder, 'none'))).toBeUndefined()
    const noProgram = join(folder, 'text')
    writeFileSync(noProgram, 'text', { mode: 0o644 })
    expect(await ask(noProgram)).toBeUndefined()
  })

  test('is not waited for when the user has had enough', async () => {
    const cancelled = new DockerIpfsError('CANCELLED', 'cancelled')
    const stop = new AbortController()
    const asked = ask(program('exec sleep 60'), stop.signal)
    stop.abort(cancelled)
    expect(await asked.catch((error) => error)).toBe(cancelled)
  })
})
