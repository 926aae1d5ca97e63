import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { ENGINES } from '../support/engine.ts'
import { GOLDEN, GOLDEN_ROOTS } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { script } from '../support/scripts.ts'
import { Terminal } from '../support/terminal.ts'

/** Nothing here depends on the engine. */
const ENGINE = ENGINES[0] ?? ''
const real = useReal({ engines: [ENGINE], nodes: ['node'] })
const engine = () => real.engine(ENGINE)
const node = () => real.node()
const environment = () => ({ DOCKER_HOST: engine().host, DOCKER_IPFS_API: node().api })

/** What docker gives to a shell. */
async function complete(words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const run = await real.place.run('docker', ['__complete', 'ipfs', ...words], { env: { ...environment(), ...env } })
  expect(run.exitCode).toBe(0)
  return run.stdout.trimEnd().split('\n')
}

beforeAll(async () => {
  await engine().docker('tag', await engine().give(GOLDEN.tiny()), 'shop:1')
  await engine().docker('tag', 'shop:1', 'localhost:5000/team/shop:2')
  for (const name of ['shop:1', 'localhost:5000/team/shop:2']) {
    expect(await engine().ipfs(node(), 'save', '-q', name)).toMatchObject({ exitCode: 0 })
  }
})

describe('docker __complete ipfs', () => {
  test('gives images of the engine, and names and CIDs of the node, each with a few words', async () => {
    expect((await complete(['save', 's']))[0]).toMatch(/^shop:1\t[0-9a-f]{12}, [\d.]+k?B$/)
    expect((await complete(['load', ''])).sort()).toEqual([
      ':4',
      `localhost:5000/team/shop:2\t${GOLDEN_ROOTS.tiny}`,
      `shop:1\t${GOLDEN_ROOTS.tiny}`,
    ])
    const [cid] = await complete(['verify', 'baf'])
    expect(cid).toMatch(/^\S+\t(?:shop:1, localhost:5000\/team\/shop:2|localhost:5000\/team\/shop:2, shop:1)$/)
    expect(cid).toStartWith(`${GOLDEN_ROOTS.tiny}\t`)
    // Somebody's notes are none.
    await node().rpc(`files/cp?arg=/ipfs/${GOLDEN_ROOTS.tiny}&arg=/docker-ipfs/records/bafnotes.json`)
    expect(await complete(['verify', 'baf'])).toEqual([cid ?? '', ':4'])
    expect(await complete(['rm', '--api', 'http://127.0.0.1:1', ''])).toEqual([':4'])
  })

  describe('has nothing to say, and leaves nothing', () => {
    let silent: Server
    const socket = () => join(real.place.folder, 'silent.sock')

    beforeAll(async () => {
      // Takes every connection, and never answers.
      silent = createServer(() => undefined).listen(socket())
    })
    afterAll(() => silent.close())

    test.each([
      ['the engine is not there', 'save', { DOCKER_HOST: 'unix:///nowhere/docker.sock' }],
      ['the node is not there', 'load', { DOCKER_IPFS_API: 'http://127.0.0.1:1' }],
      ['the address of the node cannot be read', 'load', { DOCKER_IPFS_API: 'nowhere' }],
    ])('where %s', async (_, command, env) => {
      const answer = await real.leavingNothing(() => complete([command, ''], env))
      expect(answer).toEqual([':4'])
    })

    test('where the engine takes the question and never answers', async () => {
      const answer = await real.leavingNothing(() => complete(['save', ''], { DOCKER_HOST: `unix://${socket()}` }))
      expect(answer).toEqual([':4'])
    })

    test('where the node does not answer', async () => {
      const mute = createServer(() => undefined)
      await new Promise<void>((done) => mute.listen(0, '127.0.0.1', done))
      const { port } = mute.address() as { port: number }
      expect(await complete(['load', ''], { DOCKER_IPFS_API: `http://127.0.0.1:${port}` })).toEqual([':4'])
      mute.close()
    })
  })
})

const openTerminal = async (shell: readonly string[]) => {
  const terminal = await Terminal.open(real.place, shell, { env: environment() })
  await terminal.shows(() => undefined, '>')
  return terminal
}

describe.each(['bash', 'zsh'] as const)('in a real %s', (shell) => {
  let terminal: Terminal

  beforeAll(async () => {
    const shells = (await script('shells')).trim()
    const folder = real.place.folder
    const docker = join(folder, `docker.${shell}`)
    const { stdout } = await real.place.run('docker', ['completion', shell])
    await Bun.write(docker, stdout)
    if (shell === 'bash') {
      await Bun.write(join(folder, 'bashrc'), `PS1='> '\nsource ${shells}/bash_completion\nsource ${docker}\n`)
      terminal = await openTerminal(['bash', '--rcfile', join(folder, 'bashrc'), '-i'])
    } else {
      await Bun.write(join(folder, '.zshenv'), `source ${shells}/zshenv\n`)
      await Bun.write(join(folder, '.zshrc'), `PS1='> '\nautoload -U compinit && compinit -D -u\nsource ${docker}\n`)
      terminal = await openTerminal(['env', `ZDOTDIR=${folder}`, `${shells}/zsh`, '-i'])
    }
  })
  afterAll(() => terminal.close())

  test('a tab lists commands and flags with what they do', async () => {
    await terminal.completes(
      'docker ipfs ',
      'load',
      'Load an image from IPFS into the engine',
      'save',
      'Save one or more',
    )
    await terminal.completes('docker ipfs load --', '--no-pin', 'Do not keep the image on the node', '--tag')
    await terminal.completes('docker ipfs save --progress=', 'auto', 'json', 'plain', 'quiet')
  })

  test('a tab lists the images of the engine, and the names of the node', async () => {
    const id = await engine().docker('image', 'ls', '--quiet', 'shop:1')
    await terminal.completes('docker ipfs save ', 'shop:1', 'localhost:5000/team/shop:2', `${id}, `)
    await terminal.completes('docker ipfs load ', 'shop:1', 'localhost:5000/team/shop:2', GOLDEN_ROOTS.tiny)
  })

  test('a tab ends a name with colons, and a CID', async () => {
    await terminal.completes('docker ipfs load localhost:50', '> docker ipfs load localhost:5000/team/shop:2')
    await terminal.completes('docker ipfs resolve baf', `> docker ipfs resolve ${GOLDEN_ROOTS.tiny}`)
  })
})
