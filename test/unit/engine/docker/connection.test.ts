import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Api, createApi } from '../../../../src/engine/docker/api.ts'
import { createDocker } from '../../../../src/engine/docker/command.ts'
import { createConnect } from '../../../../src/engine/docker/connection.ts'
import { type EngineApi, serveEngine } from '../../../support/engine-api.ts'

const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-connection-'))
const path = join(folder, 'engine.sock')
const never = new AbortController().signal
let server: EngineApi | undefined
afterEach(() => server?.close())
afterAll(() => rmSync(folder, { recursive: true }))

/** An engine's API as it is reached by a docker with these flags. */
function apiOf(docker: string, ...globals: string[]): Api {
  const options = { docker, globals, env: { PATH: process.env['PATH'] }, configFile: '' }
  return createApi(createConnect(createDocker(options), options))
}

/** A docker that writes down what it is told, says where a context is, and connects with nothing but an answer. */
function dockerWith(host: string) {
  const program = join(folder, crypto.randomUUID())
  const script = [
    '#!/bin/sh',
    `echo "$*" >> '${program}.calls'`,
    'case "$*" in',
    `*'context inspect'*) echo '${host}' ;;`,
    String.raw`*dial-stdio) read line; printf 'HTTP/1.1 200 OK\r\n\r\nover docker' ;;`,
    '*) exit 1 ;;',
    'esac',
  ]
  writeFileSync(program, `${script.join('\n')}\n`, { mode: 0o755 })
  return {
    api: apiOf(program, '--context', 'far'),
    calls: () => readFileSync(`${program}.calls`, 'utf8').trimEnd().split('\n'),
  }
}

describe('an engine of a context that has a name', () => {
  test('is where docker says, and docker is asked once', async () => {
    server = await serveEngine(path, { 'GET /x': { body: 'over the socket' } })
    const { api, calls } = dockerWith(`unix://${path}`)
    for (let time = 0; time < 3; time += 1) {
      expect(await api.ask('GET', '/x', never)).toEqual({ status: 200, body: 'over the socket' })
    }
    expect(calls()).toEqual(['--context far context inspect --format {{.Endpoints.docker.Host}}'])
  })

  test('is reached over docker where it is on another machine', async () => {
    const { api, calls } = dockerWith('ssh://far')
    expect(await api.ask('GET', '/x', never)).toEqual({ status: 200, body: 'over docker' })
    expect(calls()).toEqual([expect.stringContaining('context inspect'), '--context far system dial-stdio'])
  })
})

test('a file that is no socket is no engine', async () => {
  const file = join(folder, 'file')
  writeFileSync(file, '')
  await expect(apiOf('false', '--host', `unix://${file}`).ask('GET', '/x', never)).rejects.toMatchObject({
    code: 'ENGINE_UNREACHABLE',
    message: expect.stringContaining(`unix://${file}`),
  })
})
