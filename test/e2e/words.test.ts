import { beforeAll, expect, test } from 'bun:test'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ENGINES } from '../support/engine.ts'
import { GOLDEN, GOLDEN_ROOTS } from '../support/images.ts'
import type { Finished } from '../support/place.ts'
import { useReal } from '../support/real.ts'

// Stumbles of people who know docker: the first line says what failed and why, the second the one thing to do.

const NAME = ENGINES[0] ?? ''
const real = useReal({ engines: [NAME], nodes: ['node'] })
const engine = () => real.engine(NAME)
const root = GOLDEN_ROOTS.tiny
let id: string

beforeAll(async () => {
  id = await engine().give(GOLDEN.tiny())
  await engine().docker('tag', id, 'shop:1')
  expect(await ipfs('save', '-q', 'shop:1')).toMatchObject({ exitCode: 0 })
})

const ipfs = (...args: string[]) => engine().ipfs(real.node(), ...args)

/** docker with other words in front of `ipfs`, and another environment. */
function docker(args: readonly string[], env: Record<string, string> = {}): Promise<Finished> {
  return real.place.run('docker', args, { env: { DOCKER_IPFS_API: real.node().api, ...env } })
}

const said = ({ exitCode, stdout, stderr }: Finished) => [exitCode, stdout, ...stderr.trimEnd().split('\n')]

test('a name without its tag is told with the tags that are there', async () => {
  const hint = 'There is shop:1.'
  const lost = (command: string, text: string) => [command, text, hint]
  for (const [command, text] of [
    ['save', 'No such image: shop:latest'],
    ['load', `no image of the name "shop:latest" on the node at http://127.0.0.1:${real.node().port}`],
  ] as const) {
    expect([command, ...said(await ipfs(command, '-q', 'shop')).slice(2)]).toEqual(lost(command, `ERROR: ${text}`))
  }
})

test('a command that is none is told on stderr alone, with the one that is meant', async () => {
  expect(said(await ipfs('svae', 'shop:1')).slice(0, 4)).toEqual([
    1,
    '',
    'ERROR: unknown command: "svae"',
    'Did you mean "docker ipfs save"?',
  ])
})

test('of several names those behind one that is not there are removed, and shown', async () => {
  expect(await ipfs('tag', root, 'more:1')).toMatchObject({ exitCode: 0 })
  const shown = await ipfs('inspect', '-f', '{{.CID}}', 'nothing:1', 'more:1')
  expect(shown).toMatchObject({ exitCode: 4, stdout: `${root}\n` })
  expect(await ipfs('rm', 'nothing:1', 'more:1')).toMatchObject({ exitCode: 4, stdout: 'Untagged: more:1\n' })
  expect((await ipfs('ls', '--format', '{{.Repository}}')).stdout).toBe('shop\n')
})

test('push --publish of an ID is refused before the image is saved', async () => {
  const run = await real.leavingNothing(() => ipfs('push', '--publish', id))
  expect(said(run)).toEqual([
    1,
    '',
    `ERROR: ${id} is an ID: an image is published by its name`,
    'Give its name: shop:1',
  ])
})

test('ipfs:// alone stands for no image', async () => {
  expect(said(await ipfs('load', 'ipfs://')).slice(0, 3)).toEqual([
    1,
    '',
    'ERROR: "ipfs://" stands for no image: no CID stands behind it',
  ])
})

test('the word behind --output is its value, as docker has it', async () => {
  const run = await ipfs('save', '--output', '--help')
  expect(run).toMatchObject({ exitCode: 1, stdout: '' })
  expect(run.stderr).toStartWith("docker: 'docker ipfs save' requires at least 1 argument")
})

test('what keeps docker from the engine is told, with exit code 3', async () => {
  const folder = join(real.place.folder, 'no-certificates')
  mkdirSync(folder, { recursive: true })
  const away = 'ERROR: cannot reach the Docker engine: '
  expect(said(await docker(['--context', 'nowhere', 'ipfs', 'save', 'shop:1']))).toEqual([
    3,
    '',
    `${away}there is no context "nowhere"`,
    '"docker context ls" shows those that are there.',
  ])
  const tls = { DOCKER_HOST: 'tcp://127.0.0.1:1', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: folder }
  expect(said(await docker(['ipfs', 'save', 'shop:1'], tls))).toEqual([
    3,
    '',
    `${away}open ${folder}/ca.pem: no such file or directory`,
    'Put the certificates there, or name their folder with DOCKER_CERT_PATH.',
  ])
  const nonsense = said(await docker(['ipfs', 'save', 'shop:1'], { DOCKER_HOST: 'nonsense://x' }))
  expect(nonsense.slice(0, 2)).toEqual([3, ''])
  expect(nonsense[2]).toStartWith(away)
  expect(nonsense[3]).toStartWith('Check the address (-H, DOCKER_HOST, or the context)')
})

test('save -o - whose reader goes away does not end as if all were well', async () => {
  const command = `docker -H ${engine().host} ipfs save -q --no-cache -o - shop:1 | true; exit \${PIPESTATUS[0]}`
  const run = await real.place.run('bash', ['-c', command], { env: { DOCKER_IPFS_API: real.node().api } })
  expect(said(run)).toEqual([1, '', 'ERROR: cannot write to standard output: its reader went away'])
})
