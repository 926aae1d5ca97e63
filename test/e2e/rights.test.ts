import { beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ENGINES } from '../support/engine.ts'
import { GOLDEN, GOLDEN_ROOTS } from '../support/images.ts'
import type { Finished } from '../support/place.ts'
import { useReal } from '../support/real.ts'

// What a token may do has nothing to do with the engine: one is enough.
const NAME = ENGINES[0] ?? ''
const real = useReal({ engines: [NAME], nodes: ['node'] })
const node = () => real.node()
const engine = () => real.engine(NAME)
const root = GOLDEN_ROOTS.tiny

const below = (...paths: string[]) => paths.map((path) => `/api/v0/${path}`)
const ALL = below(
  ...['bitswap', 'block', 'cat', 'config', 'dag', 'diag', 'files', 'id', 'key', 'ls', 'name', 'pin', 'provide', 'refs'],
  ...['repo', 'routing', 'stats', 'swarm'],
)
const READ = below('block/get', 'block/stat', 'cat', 'dag/e', 'dag/r', 'files/s', 'ls', 'pin/ls', 'refs', 'repo/stat')
const TOKENS: Readonly<Record<string, readonly [secret: string, paths: readonly string[]]>> = {
  all: ['bearer:all', ['/api/v0']],
  user: ['basic:me:secret', ['/api/v0']],
  nothing: ['bearer:nothing', []],
  'only id': ['bearer:id', below('id')],
  'only dag': ['basic:dag:secret', below('id', 'dag')],
  'no files': ['bearer:nofiles', ALL.filter((path) => !path.endsWith('/files'))],
  'no pin': ['bearer:nopin', ALL.filter((path) => !path.endsWith('/pin'))],
  'no import': [
    'bearer:noimport',
    [...ALL.filter((path) => !path.endsWith('/dag')), ...below('dag/export', 'dag/res')],
  ],
  'no refs': ['bearer:norefs', ALL.filter((path) => !path.endsWith('/refs'))],
  read: ['bearer:read', READ],
}

let image: string

beforeAll(async () => {
  await node().configure((config) => {
    const all = Object.entries(TOKENS).map(([name, [AuthSecret, AllowedPaths]]) => [name, { AuthSecret, AllowedPaths }])
    config['API'] = { ...config['API'], Authorizations: Object.fromEntries(all) }
  })
  await node().stop()
  await node().restart()
  node().authorization = 'Bearer all'
})
beforeEach(async () => {
  await node().empty()
  await engine().clear()
  image = await engine().give(GOLDEN.tiny())
})

function ipfs(token: string, ...args: string[]): Promise<Finished> {
  const [secret] = TOKENS[token] ?? [token]
  const env: Record<string, string> = secret === '' ? {} : { DOCKER_IPFS_API_AUTH: secret }
  return engine().startIpfs(node(), args, { env }).finished
}
const firstLine = ({ stderr }: Finished) => stderr.split('\n')[0]
const at = () => `the IPFS node at http://127.0.0.1:${node().port}`
const denied = (call: string, who = 'to this token') => `${at()} does not allow /api/v0/${call} ${who}`

describe('a save', () => {
  test.each(['all', 'user', 'no pin', 'no refs'])('with "%s" is pinned and named', async (token) => {
    expect(await ipfs(token, 'save', image)).toMatchObject({ exitCode: 0, stdout: `${root}\n` })
    expect(await node().pins()).toEqual([root])
    expect((await ipfs('all', 'inspect', '-f', '{{.CID}}', root)).stdout).toBe(`${root}\n`)
    // Of an image that is saved already, too.
    expect(await ipfs(token, 'save', '-q', image)).toMatchObject({ exitCode: 0, stdout: `${root}\n`, stderr: '' })
  })

  test.each([
    ['no files', 'to this token'],
    ['only dag', 'to this user'],
  ])('with "%s" is pinned, with a warning that it is not in the catalogue', async (token, who) => {
    const run = await ipfs(token, 'save', image)
    expect(run).toMatchObject({ exitCode: 0, stdout: `${root}\n` })
    expect(run.stderr).toContain(
      `WARNING: the image is saved, but not in the node's catalogue: ${denied('files/stat', who)}\n`,
    )
    expect(await node().pins()).toEqual([root])
  })

  test.each(['no import', 'nothing', 'only id', 'read'])(
    'with "%s" is refused before the engine packs',
    async (token) => {
      const run = await real.leavingNothing(() => ipfs(token, 'save', image))
      expect(run).toMatchObject({ exitCode: 1, stdout: '' })
      expect(run.stderr.split('\n')).toEqual([
        `ERROR: ${denied('dag/import')}`,
        expect.stringContaining('Add "/api/v0/dag" to its AllowedPaths'),
        '',
      ])
    },
  )

  test.each([
    ['bearer:other', 'Check'],
    ['basic:me:other', 'Check'],
    ['', 'Give'],
  ])('with the secret "%s", which the node does not know, is not let in', async (secret, word) => {
    const run = await ipfs(secret, 'save', image)
    expect(run).toMatchObject({ exitCode: 1, stdout: '' })
    expect(firstLine(run)).toBe(`ERROR: ${at()} does not let us in (HTTP status 403)`)
    expect(run.stderr.split('\n')[1]).toStartWith(`${word} its token or password`)
  })

  test('with a token from a file that ends with a newline works', async () => {
    const file = join(real.place.folder, 'token')
    writeFileSync(file, 'bearer:all\r\n', { mode: 0o600 })
    const env = { DOCKER_IPFS_API_AUTH_FILE: file }
    const run = await engine().startIpfs(node(), ['save', '-q', image], { env }).finished
    expect(run).toMatchObject({ exitCode: 0, stdout: `${root}\n`, stderr: '' })
  })
})

describe('of an image that is saved', () => {
  beforeEach(async () => {
    await ipfs('all', 'save', '-q', image)
    await engine().clear()
  })

  test.each([
    ['all', undefined],
    ['no import', undefined],
    ['no refs', undefined],
    ['no files', `the image is loaded, but not in the node's catalogue: ${'files/stat'}`],
    ['no pin', `the image is loaded, but the node could not pin it: ${'pin/add'}`],
  ])('a load by CID with "%s" works with what it may', async (token, warning) => {
    const run = await ipfs(token, 'load', root)
    expect(run.exitCode).toBe(0)
    const [words, call] = warning?.split(/: (?=[a-z/]+$)/) ?? []
    const warnings = run.stderr.split('\n').filter((line) => line.startsWith('WARNING'))
    expect(warnings).toEqual(words === undefined ? [] : [`WARNING: ${words}: ${denied(call ?? '')}`])
    expect(await engine().images()).toHaveLength(1)
  })

  test.each([
    ['no files', ['ls'], 'files/stat'],
    ['no files', ['load', 'tiny:1'], 'files/stat'],
    ['only id', ['load', root], 'block/get'],
    ['no pin', ['rm', root], 'pin/ls'],
    ['read', ['publish'], 'key/list'],
  ] as const)('with "%s", %j says which call is not allowed', async (token, args, call) => {
    const run = await real.leavingNothing(() => ipfs(token, ...args))
    expect(run).toMatchObject({ exitCode: 1, stdout: '' })
    expect(run.stderr.split('\n').filter((line) => line.startsWith('ERROR'))).toEqual([`ERROR: ${denied(call)}`])
  })
})

describe('the doctor', () => {
  /** What it says of rights: the state, and the first call that is not allowed. */
  async function rights(token: string): Promise<readonly [exitCode: number, ...findings: string[]]> {
    const run = await real.leavingNothing(() => ipfs(token, 'doctor', '--format', 'json'))
    const rows = run.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, string>)
    const ours = rows.filter(({ Check }) => Check === 'rights')
    const words = ours.map(({ State, Found = '' }) => `${State} ${/not allow ([a-z/]+)/.exec(Found)?.[1] ?? 'nothing'}`)
    return [run.exitCode, ...words]
  }

  test.each([
    ['all', 0, ['ok nothing']],
    ['user', 0, ['ok nothing']],
    ['no files', 0, ['warn files/cp']],
    ['no pin', 0, ['warn pin/add']],
    ['no import', 1, ['fail dag/import', 'warn dag/stat']],
    ['no refs', 1, ['fail refs']],
    [
      'read',
      1,
      [
        'fail dag/import',
        'warn pin/add',
        'warn files/cp',
        'warn key/gen',
        'warn provide/once',
        'warn bitswap/stat',
        'warn repo/gc',
        'warn dag/stat',
      ],
    ],
  ] as const)('says what "%s" may not, and writes nothing', async (token, exitCode, words) => {
    expect(await rights(token)).toEqual([exitCode, ...words])
  })

  test('says of a token that may do nothing that nothing works', async () => {
    const [exitCode, ...words] = await rights('nothing')
    expect(exitCode).toBe(1)
    expect(words).toHaveLength(9)
    expect(words.filter((one) => one.startsWith('fail'))).toEqual(['fail block/get', 'fail dag/import'])
  })
})
