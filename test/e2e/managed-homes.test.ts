import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { chownSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ENGINES } from '../support/engine.ts'
import { GOLDEN, GOLDEN_ROOTS } from '../support/images.ts'
import { LocalUser } from '../support/local-user.ts'
import type { Finished } from '../support/place.ts'
import { useReal } from '../support/real.ts'
import { script } from '../support/scripts.ts'

// Where the node of a user is, is a matter of HOME: of one that is closed, and of sudo, which may leave the user's to root.

const NET = `${ENGINES[0]}-net`
const real = useReal({ engines: [NET] })
const engine = () => real.engine(NET)
const root = GOLDEN_ROOTS.tiny
const binary = { DOCKER_IPFS_NODE: 'binary' }
let ipfs: string
let user: LocalUser
let tiny: string

beforeAll(async () => {
  ipfs = (await script('kubo')).trim()
  user = new LocalUser(real.place, engine(), { uid: 20021, ipfs, mayUseEngine: true })
})

// It has no name, so that a prune takes it where the node has it.
beforeEach(async () => {
  tiny = await engine().give(GOLDEN.tiny())
})

const as = (args: readonly string[], env: Record<string, string> = {}) => user.ipfs(args, { ...binary, ...env })
const words = ({ stderr }: Finished) => stderr.slice(stderr.indexOf('ERROR: ')).split('\n').slice(0, 2)

/** What root gets by sudo, which tells who called it. */
function sudo(args: readonly string[], home: string): Promise<Finished> {
  const env = { ...binary, HOME: home, SUDO_UID: '20021', PATH: `${join(ipfs, '..')}:${process.env['PATH']}` }
  return engine().inside(['docker', '-H', engine().host, 'ipfs', ...args], { env }).finished
}

test('an ordinary user with a node of their own publishes, pulls, completes and prunes', async () => {
  const gives = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await as(args)
    expect({ args, exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ args, exitCode: 0, stderr: '' })
    return stdout
  }
  expect(await gives('save', '-q', tiny)).toBe(`${root}\n`)
  expect((await as(['push', '-q', tiny])).stdout).toBe(`${root}\n`)
  await gives('tag', root, 'team/app:1')
  const name = (await gives('publish', '-q')).trim()
  expect(await gives('pull', `${name}/team/app:1`)).toContain('team/app:1')
  const docker = ['docker', '-H', engine().host, '__complete', 'ipfs', 'load', 't']
  expect((await user.run(docker, { env: binary })).stdout).toStartWith(`team/app:1\t${root}\n`)
  expect(await gives('prune', '-f')).toContain('Total reclaimed space: ')
  expect(await gives('ls', '-q')).toBe(`${root}\n`)
  await gives('node', 'rm', '-v')
})

describe('with a HOME that may not be written', () => {
  const closed = () => {
    const folder = join(user.home, 'closed')
    mkdirSync(folder, { mode: 0o500, recursive: true })
    chownSync(folder, 20021, 20021)
    return folder
  }

  test.each([
    ['its own', closed, 'permission denied'],
    ['one that is not there', () => '/nowhere', 'permission denied'],
    ['a file', () => '/dev/null', 'not a directory'],
  ])('no node is started in %s, and the place is named', async (_, home, why) => {
    for (const args of [
      ['node', 'start'],
      ['save', '-q', tiny],
    ]) {
      const run = await as(args, { HOME: home() })
      expect(run).toMatchObject({ exitCode: 1, stdout: '' })
      const [first, hint] = words(run)
      expect(first).toStartWith('ERROR: the IPFS node of docker-ipfs cannot write its folder: ')
      expect(first).toContain(why)
      expect(hint).toBe(
        `Its place is ${home()}/.local/share/docker-ipfs/node; XDG_DATA_HOME names another folder for it.`,
      )
    }
  })

  test('XDG_DATA_HOME is another place for it', async () => {
    const env = { HOME: closed(), XDG_DATA_HOME: join(user.home, 'data') }
    expect(await as(['save', '-q', tiny], env)).toMatchObject({ exitCode: 0, stdout: `${root}\n` })
    expect(await as(['node', 'rm', '-v'], env)).toMatchObject({ exitCode: 0 })
    expect(readdirSync(closed())).toEqual([])
  })
})

describe('root by sudo', () => {
  afterEach(async () => {
    await as(['node', 'rm', '-v'])
  })

  test('with a HOME of its own has another node, and none of the images', async () => {
    expect(await as(['save', '-q', tiny])).toMatchObject({ exitCode: 0 })
    const home = join(real.place.folder, 'root')
    expect((await sudo(['node', 'status'], home)).stdout).toStartWith('Status:    there is none')
    expect(await sudo(['ls', '-q'], home)).toMatchObject({ exitCode: 3, stdout: '' })
  })

  test("with the user's HOME uses the user's node, and starts none that would lock the user out", async () => {
    const refused = async (...args: string[]) => {
      const run = await sudo(args, user.home)
      expect(run).toMatchObject({ exitCode: 1, stdout: '' })
      return words(run)
    }
    const [first, hint] = await refused('save', '-q', tiny)
    expect(first).toStartWith(`ERROR: sudo runs this as root, and ${user.home}`)
    expect(hint).toBe('Leave sudo out, or use "sudo -H": then root has a node of its own.')
    expect(await as(['save', '-q', tiny])).toMatchObject({ exitCode: 0 })
    expect(await sudo(['ls', '-q'], user.home)).toMatchObject({ exitCode: 0, stdout: `${root}\n` })
    expect(await sudo(['save', '-q', tiny], user.home)).toMatchObject({ exitCode: 0, stdout: `${root}\n` })
    expect(await sudo(['node', 'stop'], user.home)).toMatchObject({ exitCode: 0 })
    await refused('node', 'start')
    expect(await as(['ls', '-q'])).toMatchObject({ exitCode: 3 })
    expect(await as(['node', 'start'])).toMatchObject({ exitCode: 0 })
    expect(await as(['ls', '-q'])).toMatchObject({ exitCode: 0, stdout: `${root}\n` })
  })

  test("a node that root runs in the user's folder is not said to be stopped by the user", async () => {
    expect(await as(['save', '-q', tiny])).toMatchObject({ exitCode: 0 })
    expect(await as(['node', 'stop'])).toMatchObject({ exitCode: 0 })
    // As `su` does: nobody says who called.
    const env = { ...binary, HOME: user.home, PATH: `${join(ipfs, '..')}:${process.env['PATH']}` }
    const docker = ['docker', '-H', engine().host, 'ipfs']
    expect(await engine().inside([...docker, 'node', 'start'], { env }).finished).toMatchObject({ exitCode: 0 })
    const refused = async (...args: string[]) => {
      const run = await as(args)
      expect(run).toMatchObject({ exitCode: 1, stdout: '' })
      const [first, hint] = words(run)
      expect(hint).toBe('Stop it as the user who runs it.')
      return first
    }
    const known = 'ERROR: the IPFS node of docker-ipfs is run by another user'
    for (const word of ['stop', 'restart', 'rm']) {
      expect(await refused('node', word)).toBe(`${known}, or the number of its process is lost`)
    }
    // Where its number may be read, too.
    chownSync(join(user.home, '.local/share/docker-ipfs/node/pid'), 20021, 20021)
    expect(await refused('node', 'stop')).toBe(known)
    expect(await engine().inside([...docker, 'node', 'rm', '-v'], { env }).finished).toMatchObject({ exitCode: 0 })
  })
})
