import { beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { ENGINES } from '../support/engine.ts'
import { GOLDEN, GOLDEN_ROOTS } from '../support/images.ts'
import { LocalUser } from '../support/local-user.ts'
import type { Finished } from '../support/place.ts'
import { useReal } from '../support/real.ts'
import { listen } from '../support/relay.ts'
import { script } from '../support/scripts.ts'

// Ordinary users, who are not root: one in the group of the engine's socket, and one who is not. Which engine it is changes nothing.

const NAME = ENGINES[0] ?? ''
const GROUP = 20010
const NOT_ANNOUNCED = 6
const real = useReal({ engines: [NAME], nodes: ['node'] })
const engine = () => real.engine(NAME)
const node = () => real.node()
const root = GOLDEN_ROOTS.tiny
let member: LocalUser
let stranger: LocalUser
let image: string

beforeAll(async () => {
  const ipfs = (await script('kubo')).trim()
  member = new LocalUser(real.place, engine(), { uid: 20011, ipfs, mayUseEngine: true })
  stranger = new LocalUser(real.place, engine(), { uid: 20012, ipfs, mayUseEngine: false })
  // A group of its own, as Docker's packages make one: root's has more rights than this.
  chownSync(engine().socket, 0, GROUP)
})
beforeEach(async () => {
  await node().empty()
  await engine().clear()
  image = await engine().give(GOLDEN.tiny())
})

function by(user: LocalUser, args: readonly string[], env: Record<string, string> = {}): Promise<Finished> {
  return user.ipfs(args, { DOCKER_IPFS_API: node().api, DOCKER_IPFS_NODE: 'off', ...env })
}

async function gives(user: LocalUser, args: readonly string[], env?: Record<string, string>): Promise<string> {
  const { exitCode, stdout, stderr } = await by(user, args, env)
  expect({ args, exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ args, exitCode: 0, stderr: '' })
  return stdout
}

/** The first line of an error, and the line behind it. */
const words = ({ stderr }: Finished) => stderr.slice(stderr.indexOf('ERROR: ')).split('\n').slice(0, 2)

async function completes(user: LocalUser, ...args: string[]): Promise<string[]> {
  const command = ['docker', '-H', engine().host, '__complete', 'ipfs', ...args]
  const env = { DOCKER_IPFS_API: node().api, DOCKER_HOST: engine().host }
  const { exitCode, stdout } = await user.run(command, { env })
  expect(exitCode).toBe(0)
  return stdout.trimEnd().split('\n')
}

describe("a user in the group of the engine's socket", () => {
  test('saves, lists, publishes, pulls, loads and prunes as root does', async () => {
    expect(await gives(member, ['save', '-q', image])).toBe(`${root}\n`)
    expect(await gives(member, ['ls', '-q'])).toBe(`${root}\n`)
    expect(await by(member, ['push', '-q', image])).toMatchObject({ exitCode: NOT_ANNOUNCED, stdout: `${root}\n` })
    await gives(member, ['tag', root, 'team/app:1'])
    const name = (await gives(member, ['publish', '-q'])).trim()
    await engine().clear()
    expect(await gives(member, ['pull', `${name}/team/app:1`])).toContain('team/app:1')
    await engine().clear()
    expect(await gives(member, ['load', '-q', 'team/app:1'])).toStartWith('Loaded image')
    expect(await gives(member, ['doctor'])).toContain('ok      engine reachable')
    for (const command of ['inspect', 'history', 'verify', 'resolve']) await gives(member, [command, 'team/app:1'])
    await gives(member, ['rm', 'team/app:1'])
    expect(await gives(member, ['prune', '-f'])).toContain('Total reclaimed space: ')
    expect(await gives(member, ['ls', '-q'])).toBe('')
  })

  test('has completion', async () => {
    await engine().docker('tag', image, 'shop:1')
    await gives(member, ['save', '-q', 'shop:1'])
    expect((await completes(member, 'save', 's'))[0]).toStartWith('shop:1\t')
    expect((await completes(member, 'load', ''))[0]).toBe(`shop:1\t${root}`)
  })

  test('writes a CAR file that is theirs alone, and reads it', async () => {
    const file = join(member.home, 'tiny.car')
    expect(await gives(member, ['save', '-q', '-o', file, image])).toBe(`${root}\n`)
    expect(statSync(file)).toMatchObject({ uid: 20011, mode: 0o100600 })
    await engine().clear()
    expect(await gives(member, ['load', '-q', '-i', file])).toStartWith('Loaded image ID: ')
  })

  test('is told of folders and files of others, and nothing is left there', async () => {
    const theirs = join(real.place.folder, 'theirs')
    mkdirSync(theirs, { recursive: true, mode: 0o755 })
    const [target, secret] = [join(theirs, 'new.car'), join(theirs, 'secret.car')]
    writeFileSync(secret, 'of root', { mode: 0o600 })
    const own = join(member.home, 'closed')
    mkdirSync(own, { mode: 0o500, recursive: true })
    chownSync(own, 20011, 20011)
    const denied = async (...args: string[]) => {
      const run = await real.leavingNothing(() => by(member, args))
      expect(run).toMatchObject({ exitCode: 1, stdout: '' })
      return words(run)[0]
    }
    expect(await denied('save', '-o', target, image)).toBe(`ERROR: open ${target}: permission denied`)
    expect(await denied('save', '-o', secret, image)).toBe(`ERROR: open ${secret}: permission denied`)
    expect(await denied('save', '-o', join(own, 'x'), image)).toBe(`ERROR: open ${join(own, 'x')}: permission denied`)
    expect(await denied('save', '-i', secret)).toBe(`ERROR: open ${secret}: permission denied`)
    expect(await denied('load', '-i', secret)).toBe(`ERROR: open ${secret}: permission denied`)
    expect([readdirSync(theirs), readdirSync(own)]).toEqual([['secret.car'], []])
  })

  test("is told of a node's socket that they may not use", async () => {
    const path = join(real.place.folder, 'node.sock')
    const server = createServer()
    await listen(server, { path })
    chmodSync(path, 0o600)
    const run = await by(member, ['ls'], { DOCKER_IPFS_API: `unix://${path}` })
    server.close()
    expect(run).toMatchObject({ exitCode: 3, stdout: '' })
    expect(words(run)).toEqual([
      `ERROR: cannot reach the IPFS node at unix://${path} (permission denied)`,
      'Join the group of its socket and log in again, or name another node.',
    ])
  })

  describe('needs no home of their own', () => {
    const closed = () => {
      const folder = join(member.home, 'closed-home')
      mkdirSync(folder, { mode: 0o500, recursive: true })
      chownSync(folder, 20011, 20011)
      return folder
    }
    test.each([
      ['that they may not write', closed],
      ['that they may not enter', () => stranger.home],
      ['that is not there', () => '/nowhere'],
      ['that is a file', () => '/dev/null'],
      ['that is empty', () => ''],
      ['that is relative', () => 'nowhere'],
    ])('with a HOME %s', async (_, home) => {
      const env = { HOME: home() }
      expect(await gives(member, ['save', '-q', image], env)).toBe(`${root}\n`)
      expect(await gives(member, ['ls', '-q'], env)).toBe(`${root}\n`)
      expect(await gives(member, ['load', '-q', root], env)).toStartWith('Loaded image')
      expect(await gives(member, ['doctor'], env)).toContain('ok      node reachable')
    })

    test('without HOME, as a number that is in no list of users', async () => {
      for (const args of [['save', '-q', image], ['ls', '-q'], ['load', '-q', root], ['doctor']]) {
        const docker = ['env', '-u', 'HOME', 'docker', '-H', engine().host, 'ipfs', ...args]
        const run = await member.run(docker, { env: { DOCKER_IPFS_API: node().api } })
        expect(run.stderr).not.toContain('ERROR')
        expect(run.exitCode).toBe(0)
      }
    })
  })
})

describe("a user who is not in the group of the engine's socket", () => {
  const commands = [
    ['save', 'tiny:1'],
    ['save', '-o', 'tiny.car', 'tiny:1'],
    ['push', 'tiny:1'],
    ['load', root],
    ['pull', root],
    ['load', '-i', 'tiny.car'],
  ]
  test.each(commands)('%s %s is refused with the group as the way out', async (...args) => {
    await by(member, ['save', '-q', image])
    const car = join(stranger.home, 'tiny.car')
    if (args.includes('-i')) await Bun.write(car, await carOf(image))
    const run = await real.leavingNothing(() =>
      by(
        stranger,
        args.map((arg) => (arg === 'tiny.car' ? car : arg)),
      ),
    )
    expect(run).toMatchObject({ exitCode: 3, stdout: '' })
    const [first, hint] = words(run)
    expect(first).toStartWith('ERROR: no right to use the Docker engine: ')
    expect(hint).toBe('Join the group of the socket, mostly "docker" (sudo usermod -aG docker USER), and log in again.')
    if (args.includes('-o')) expect(existsSync(car)).toBe(false)
  })

  test('does what needs the node alone', async () => {
    await gives(member, ['save', '-q', image])
    expect(await gives(stranger, ['ls', '-q'])).toBe(`${root}\n`)
    await gives(stranger, ['tag', root, 'theirs:1'])
    for (const command of ['inspect', 'history', 'verify', 'resolve']) await gives(stranger, [command, 'theirs:1'])
    expect(await gives(stranger, ['publish', '-q'])).toStartWith('ipns://')
    expect(await completes(stranger, 'load', 't')).toEqual([`theirs:1\t${root}`, ':4'])
    expect(await completes(stranger, 'save', '')).toEqual([':4'])
  })

  test('prunes the node, with a warning that the engine was not looked at', async () => {
    const run = await by(stranger, ['prune', '-f'])
    expect(run).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('Total reclaimed space: ') })
    expect(run.stderr).toStartWith(
      'WARNING: what loads left on the engine is not known: no right to use the Docker engine',
    )
  })

  test('has a doctor that says it', async () => {
    const run = await by(stranger, ['doctor'])
    expect(run.exitCode).toBe(1)
    expect(run.stdout).toMatch(
      /^fail {4}engine reachable {3}no right to use the Docker engine: .*\n +-> Join the group/m,
    )
    expect(run.stdout).toContain('ok      node reachable')
  })
})

async function carOf(of: string): Promise<Buffer> {
  const file = join(real.place.folder, 'of-root.car')
  expect(await engine().ipfs(node(), 'save', '-q', '-o', file, of)).toMatchObject({ exitCode: 0 })
  return Buffer.from(await Bun.file(file).arrayBuffer())
}
