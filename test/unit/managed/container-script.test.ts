import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createArguments, NETWORK } from '../../../src/managed/container-arguments.ts'
import type { NodeOptions } from '../../../src/managed/settings.ts'

const ports = { api: 5301, gateway: 5302 }

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-script-'))
  for (const name of ['data', 'init.d']) mkdirSync(join(folder, name))
  writeFileSync(join(folder, 'data/config'), '{"Identity":{}}', { mode: 0o600 })
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Runs what the container runs before the daemon, over folders of a test; gives the calls of `ipfs` there, and how it ended. */
function attempt(options: NodeOptions, status: number, before = '') {
  const args = createArguments(ports, options, NETWORK)
  const script = args.find((arg) => arg.startsWith('DOCKER_IPFS_INIT='))?.slice('DOCKER_IPFS_INIT='.length) ?? ''
  const here = script
    .replaceAll('/data/ipfs', join(folder, 'data'))
    .replaceAll('/container-init.d', join(folder, 'init.d'))
  const called = join(folder, 'called')
  rmSync(called, { force: true })
  // Each word on a line of its own, so that the quotes are the shell's business.
  const entry = `{"API":{"Authorizations":{"a":{"AuthSecret":"basic:a:b"},"docker-ipfs":%s}}}`
  const writes = `case $3 in API.*) printf '${entry}\\n' "$4" > '${folder}/data/config';; esac`
  const ipfs = `ipfs() { printf '%s\\n' "$@" --- >> '${called}'; ${writes}; return ${status}; }`
  const ended = spawnSync('sh', ['-c', `${before}\n${ipfs}\n${here}`], { encoding: 'utf8' })
  const calls = existsSync(called) ? readFileSync(called, 'utf8').split('\n---\n').slice(0, -1) : []
  return { status: ended.status, stderr: ended.stderr, calls }
}

function run(options: NodeOptions = {}): string[] {
  const { calls, ...ended } = attempt(options, 0)
  expect(ended).toEqual({ status: 0, stderr: '' })
  return calls
}

const settingIn = (calls: readonly string[], key: string) => {
  const call = calls.find((one) => one.startsWith(`config\n--json\n${key}\n`)) ?? ''
  return JSON.parse(call.split('\n')[3] ?? 'null')
}

describe('the script of the container', () => {
  test('writes the settings', () => {
    const calls = run({ storageMax: '7GB' })
    expect(settingIn(calls, 'Datastore.StorageMax')).toBe('7GB')
    expect(settingIn(calls, 'Addresses')).toMatchObject({
      API: '/ip4/0.0.0.0/tcp/5301',
      Gateway: '/ip4/0.0.0.0/tcp/5302',
    })
    expect(calls).not.toContain('repo\nmigrate')
  })

  test('writes them once, so that what the user changes afterwards stays', () => {
    run()
    expect(run()).toEqual([])
  })

  test('fails where one cannot be written, and then writes all the next time', () => {
    expect(attempt({}, 7)).toMatchObject({ status: 7, calls: [expect.stringContaining('config\n--json\nAddresses')] })
    expect(run().length).toBeGreaterThan(4)
  })

  test('writes others, after the repository is brought to the version of the image', () => {
    run()
    const calls = run({ announce: true })
    expect(calls[0]).toBe('repo\nmigrate')
    expect(settingIn(calls, 'Provide')).toEqual({ Enabled: true, Strategy: 'pinned+mfs+entities' })
  })

  test("leaves a user's words to themselves", () => {
    expect(settingIn(run({ storageMax: `7'; touch "${folder}/x"; '` }), 'Datastore.StorageMax')).toContain('touch')
    expect(existsSync(join(folder, 'x'))).toBe(false)
  })

  test('moves a swarm key into the repository, where only its owner can read it', () => {
    const key = join(folder, 'data/swarm.key')
    for (const text of ['first', 'second']) {
      writeFileSync(join(folder, 'init.d/swarm.key'), text)
      run({ isPrivate: true })
      expect(readFileSync(key, 'utf8')).toBe(text)
      expect(statSync(key).mode & 0o777).toBe(0o400)
      expect(existsSync(join(folder, 'init.d/swarm.key'))).toBe(false)
    }
    run({ isPrivate: true })
    expect(readFileSync(key, 'utf8')).toBe('second')
  })
})

describe('the secret of the API', () => {
  const place = () => join(folder, 'data/docker-ipfs.secret')
  const secret = () => readFileSync(place(), 'utf8')
  const config = () => JSON.parse(readFileSync(join(folder, 'data/config'), 'utf8'))
  const inConfig = () => config().API.Authorizations['docker-ipfs']
  const modes = () => ['docker-ipfs.secret', 'config'].map((name) => statSync(join(folder, 'data', name)).mode & 0o777)

  test.each(['', 'umask 0', 'umask 0277'])(
    'is for its owner alone, and in the argument of no program, after "%s"',
    (umask) => {
      const { status, calls } = attempt({}, 0, umask)
      expect(status).toBe(0)
      expect(secret()).toMatch(/^basic:docker-ipfs:[0-9a-f]{64}\n$/)
      expect(inConfig()).toEqual({ AuthSecret: secret().trim(), AllowedPaths: ['/api/v0'] })
      expect(config().API.Authorizations.a).toEqual({ AuthSecret: 'basic:a:b' })
      expect(modes()).toEqual([0o600, 0o600])
      expect(calls.join('\n')).not.toContain(secret().trim().slice(-64))
      expect(readdirSync(join(folder, 'data')).sort()).toEqual(['config', 'docker-ipfs.secret', 'docker-ipfs.stamp'])
    },
  )

  test('is another one in each volume', () => {
    run()
    const first = secret()
    rmSync(join(folder, 'data'), { recursive: true })
    mkdirSync(join(folder, 'data'))
    writeFileSync(join(folder, 'data/config'), '{}')
    run()
    expect(secret()).not.toBe(first)
  })

  test.each([
    '',
    'basic:docker-ipfs:abc\n',
    `x\nbasic:docker-ipfs:${'a'.repeat(62)}\n`,
    'basic:docker-ipfs:'.padEnd(82, 'z'),
  ])('is made anew where the file has %j', (text) => {
    run()
    const first = secret()
    writeFileSync(place(), text)
    run()
    expect(secret()).toMatch(/^basic:docker-ipfs:[0-9a-f]{64}\n$/)
    expect(secret()).not.toBe(first)
    expect(inConfig().AuthSecret).toBe(secret().trim())
  })

  test('is made anew where it is gone, and put back where the config has lost it', () => {
    run()
    rmSync(place())
    run()
    const made = secret()
    writeFileSync(join(folder, 'data/config'), '{"API":{}}')
    expect(run()).toHaveLength(1)
    expect([secret(), inConfig().AuthSecret]).toEqual([made, made.trim()])
  })

  test('is in place before Kubo starts, or Kubo does not start: what was cut off is made good', () => {
    run()
    writeFileSync(join(folder, 'data/config'), '{"API":{"Authorizations":{"docker-ipfs":{"AuthSecret":"@SECRET@"}}}}')
    expect(attempt({}, 7).status).toBe(7)
    run()
    expect(inConfig().AuthSecret).toBe(secret().trim())
  })
})
