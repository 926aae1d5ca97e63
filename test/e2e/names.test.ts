import { beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ENGINES } from '../support/engine.ts'
import { bulk, GOLDEN, GOLDEN_ROOTS, imageOf } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { tarOf } from '../support/tar.ts'

/** Nothing here depends on the engine. */
const ENGINE = ENGINES[0] ?? ''
const real = useReal({ engines: [ENGINE], nodes: ['node'] })
const node = () => real.node()
const engine = () => real.engine(ENGINE)
const ipfs = (command: string, ...args: string[]) => engine().ipfs(node(), command, ...args)

/** Two versions of an app on the same base. */
const base = tarOf([{ path: 'usr/lib/base', body: bulk(600_000, 'base') }])
const version = (number: number) => imageOf([base, tarOf([{ path: 'app', body: bulk(300_000, `app ${number}`) }])])
const ids: string[] = []
const roots: string[] = []

beforeAll(async () => {
  for (const number of [1, 2]) {
    const id = await engine().give(version(number))
    await engine().docker('tag', id, `shop:${number}`)
    ids.push(id)
  }
})

beforeEach(async () => {
  await node().empty()
  roots.splice(0)
  for (const number of [1, 2]) roots.push(await engine().save(node(), `shop:${number}`))
})

/** Runs a command that must work, and gives its lines. */
async function works(command: string, ...args: string[]): Promise<string[]> {
  const run = await ipfs(command, ...args)
  expect(run).toMatchObject({ exitCode: 0 })
  return run.stdout.trimEnd().split('\n')
}

/** Bytes of the blocks in the node's repository. */
function stored(): number {
  return readdirSync(join(node().repo, 'blocks'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.data'))
    .reduce((sum, file) => sum + statSync(join(file.parentPath, file.name)).size, 0)
}

const mfs = (command: string, ...args: string[]) =>
  node().rpc(`files/${command}?${args.map((arg) => `arg=${encodeURIComponent(arg)}`).join('&')}&parents=true`)

describe('ls', () => {
  test('shows names, CIDs, config digests, ages and sizes', async () => {
    const [head, ...rows] = await works('ls')
    expect(head).toMatch(/^NAME {3}TAG {3}CID {59}CONFIG DIGEST {3}CREATED {2,}SIZE$/)
    expect(rows).toEqual(
      [1, 2].map((number) =>
        expect.stringMatching(
          new RegExp(`^shop {3}${number} {5}${roots[number - 1]} {3}[0-9a-f]{12} {4}.* ago {3,}[\\d.]+kB$`),
        ),
      ),
    )
  })

  test('takes a repository or a name, and -q gives CIDs alone', async () => {
    expect(await works('ls', '-q')).toEqual(roots)
    expect(await works('ls', '-q', 'shop')).toEqual(roots)
    expect(await works('ls', '-q', 'shop:2')).toEqual(roots.slice(1))
    expect(await works('ls', '-q', 'shop:3')).toEqual([''])
  })

  test('takes the formats that docker images takes', async () => {
    expect(await works('ls', '--format', '{{.Name}}:{{.Tag}} {{.CID}}')).toEqual(
      [1, 2].map((number) => `shop:${number} ${roots[number - 1]}`),
    )
    expect(await works('ls', '--format', 'table {{.Tag}}\\t{{upper .Name}}')).toEqual([
      'TAG   NAME',
      '1     SHOP',
      '2     SHOP',
    ])
    expect((await works('ls', '--format', 'json')).map((line) => JSON.parse(line))).toMatchObject([
      { Name: 'shop', Tag: '1', CID: roots[0] },
      { Name: 'shop', Tag: '2', CID: roots[1] },
    ])
    const run = await ipfs('ls', '--format', '{{.Nmae}}')
    expect(run).toMatchObject({ exitCode: 125, stdout: '' })
    expect(run.stderr).toStartWith(
      'ERROR: the template of --format asks for .Nmae, which is not there\nThere are .Name, ',
    )
  })

  test('filters as docker images does', async () => {
    await works('tag', 'shop:1', 'localhost:5000/team/shop:old')
    const names = async (...args: string[]) => (await works('ls', '--format', '{{.Name}}:{{.Tag}}', ...args)).join(' ')
    expect(await names('shop:*')).toBe('shop:1 shop:2')
    expect(await names('--filter', 'reference=*/team/shop')).toBe('localhost:5000/team/shop:old')
    expect(await names('-f', 'reference=shop:1', '-f', 'reference=shop:2')).toBe('shop:1 shop:2')
    expect(await names('-f', 'dangling=true')).toBe('')
    expect(await names('-f', 'since=shop:1')).toBe('')
    const run = await ipfs('ls', '--filter', 'nonsense=1')
    expect(run).toMatchObject({ exitCode: 125, stdout: '' })
    expect(run.stderr).toStartWith('ERROR: invalid filter "nonsense=1"\nThere are dangling=true|false, ')
  })

  test('shows <none> for an image saved by its ID, and for one whose name another has now', async () => {
    await engine().give(GOLDEN.tiny())
    const cid = await engine().save(node(), await engine().give(GOLDEN.tiny()))
    expect(cid).toBe(GOLDEN_ROOTS.tiny)
    await works('tag', 'shop:2', 'shop:1')
    const rows = (await works('ls', '--no-trunc')).slice(1).map((line) => line.split(/ {3,}/).slice(0, 3))
    expect(rows.slice(0, 2)).toEqual([
      ['shop', '1', roots[1] ?? ''],
      ['shop', '2', roots[1] ?? ''],
    ])
    expect(rows.slice(2).sort()).toEqual([cid, roots[0] ?? ''].sort().map((root) => ['<none>', '<none>', root]))
  })

  test('tells what somebody else put into the catalogue, and leaves it there', async () => {
    const hello = JSON.parse(await add('hello')) as { Hash: string }
    const top = '/docker-ipfs'
    await mfs('cp', `/ipfs/${hello.Hash}`, `${top}/images/docker.io/library/odd:1`)
    await mfs('cp', `/ipfs/${hello.Hash}`, `${top}/images/docker.io/readme.txt`)
    await mfs('cp', `/ipfs/${hello.Hash}`, `${top}/images/docker.io/library/No Name:1`)
    await mfs('cp', `/ipfs/${hello.Hash}`, `${top}/records/notes.txt`)
    await mfs('mkdir', `${top}/images/quay.io/nobody`)
    const before = await node().names()
    const run = await ipfs('ls')
    expect(run.exitCode).toBe(0)
    expect(run.stdout).toMatch(/^odd {4}1 {5}\S+ +\? +N\/A +\?$/m)
    expect(run.stderr.trimEnd().split('\n').sort()).toEqual([
      `WARNING: not written by docker ipfs: ${top}/images/docker.io/library/No Name:1`,
      `WARNING: not written by docker ipfs: ${top}/images/docker.io/readme.txt`,
      `WARNING: not written by docker ipfs: ${top}/records/notes.txt`,
      `WARNING: odd:1 is no image, or lost: ${hello.Hash}`,
    ])
    expect(await node().names()).toBe(before)
    expect(await works('rm', 'odd:1')).toEqual(['Untagged: odd:1'])
  })

  test('of a node without a catalogue has no rows', async () => {
    await node().empty()
    expect(await works('ls')).toHaveLength(1)
  })
})

describe('resolve, tag and rm', () => {
  test('a name that was given resolves, and loads', async () => {
    expect(await works('tag', roots[0] ?? '', 'localhost:5000/team/shop:old')).toEqual([''])
    expect(await works('resolve', 'localhost:5000/team/shop:old')).toEqual([roots[0] ?? ''])
    expect(await works('load', '-q', 'localhost:5000/team/shop:old')).toEqual([`Loaded image ID: ${ids[0]}`])
  })

  test('rm takes a name, and with the last one all that GC then frees, but nothing of other images', async () => {
    const both = stored()
    await node().empty()
    await works('save', 'shop:2')
    const alone = stored()
    await works('save', 'shop:1')
    await works('tag', 'shop:1', 'shop:latest')
    expect(await works('rm', 'shop')).toEqual(['Untagged: shop:latest'])
    expect(await node().pins()).toEqual([...roots].sort())
    expect(await works('rm', roots[0] ?? '')).toEqual(['Untagged: shop:1', `Deleted: ${roots[0]}`])
    expect(await node().pins()).toEqual(roots.slice(1))
    await node().rpc('repo/gc')
    expect(Math.abs(stored() - alone)).toBeLessThan((both - alone) / 100)
    expect(await works('ls', '-q')).toEqual(roots.slice(1))
    // Layers that both had are still known.
    expect(await engine().save(node(), 'shop:2')).toBe(roots[1] ?? '')
    expect(await engine().save(node(), 'shop:1')).toBe(roots[0] ?? '')
  })

  test('rm takes a name from the newest versions too', async () => {
    const read = async () => {
      const answer = await mfs('read', '/docker-ipfs/versions/docker.io/library/shop:.json').catch(() => undefined)
      return answer === undefined ? undefined : (JSON.parse(answer) as unknown)
    }
    const [one, two] = roots
    expect(await read()).toMatchObject({ tags: ['2', '1'], roots: { 1: one, 2: two } })
    await works('rm', 'shop:1')
    expect(await read()).toMatchObject({ tags: ['2'], roots: { 2: two } })
    await works('rm', 'shop:2')
    expect(await read()).toBeUndefined()
  })

  test.each([
    [['rm', 'shop:9'], 4, 'ERROR: no image of the name "shop:9" on the node at '],
    [['rm', GOLDEN_ROOTS.large], 4, 'ERROR: the catalogue of the node at '],
    [['tag', GOLDEN_ROOTS.large, 'big:1'], 4, 'ERROR: the node at '],
    [['tag', 'shop:1', 'Not A Name'], 1, 'ERROR: "Not A Name" is no image name'],
    [['resolve', 'shop:9'], 4, 'ERROR: no image of the name "shop:9" on the node at '],
    [['ls', 'a', 'b'], 1, "docker: 'docker ipfs ls' requires at most 1 argument"],
  ] as const)('%j is refused', async ([command, ...args], exitCode, words) => {
    const run = await real.leavingNothing(() => ipfs(command, ...args))
    expect(run).toMatchObject({ exitCode, stdout: '' })
    expect(run.stderr).toStartWith(words)
  })

  test('rm of a CID with several names asks for the names', async () => {
    await works('tag', 'shop:1', 'shop:old')
    const run = await ipfs('rm', roots[0] ?? '')
    expect(run).toMatchObject({ exitCode: 1, stdout: '' })
    expect(run.stderr).toStartWith(`ERROR: ${roots[0]} has several names: shop:1, shop:old`)
  })
})

function add(text: string): Promise<string> {
  const body = new FormData()
  body.append('file', new Blob([text]))
  return node().rpc('add?cid-version=1', body)
}
