import { beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ENGINES } from '../support/engine.ts'
import { archiveOci, bulk, imageOf, type TestImage } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { tarOf } from '../support/tar.ts'

/** Nothing here depends on the engine, nor does anything use it. */
const ENGINE = ENGINES[0] ?? ''
const real = useReal({ engines: [ENGINE], nodes: ['node'] })
const node = () => real.node()
const ipfs = (command: string, ...args: string[]) => real.engine(ENGINE).ipfs(node(), command, ...args)

/** Three versions: the same base; of the app, most files stay. */
const base = tarOf([{ path: 'usr/lib/base', body: bulk(12_000_000, 'sizes base') }])
const version = (number: number) =>
  imageOf([
    base,
    tarOf([
      { path: 'app/assets', body: bulk(6_000_000, 'sizes assets') },
      { path: 'app/code', body: bulk(3_000_000, `sizes code ${number}`) },
    ]),
  ])
const roots: string[] = []
/** Bytes of the node's repository: empty, then with one more version each. */
const repo: number[] = []

async function works(command: string, ...args: string[]): Promise<string[]> {
  const run = await ipfs(command, ...args)
  expect(run).toMatchObject({ exitCode: 0 })
  return run.stdout.trimEnd().split('\n')
}

/** What `ipfs repo stat` says, but for the node's database and the folders around its blocks: these stay when blocks go. */
async function repoSize(): Promise<number> {
  const { RepoSize } = JSON.parse(await node().rpc('repo/stat')) as { RepoSize: number }
  const sizes = (name: string, wanted: 'isFile' | 'isDirectory') =>
    readdirSync(join(node().repo, name), { withFileTypes: true })
      .filter((entry) => entry[wanted]())
      .reduce((sum, { name: inner }) => sum + statSync(join(node().repo, name, inner)).size, 0)
  return RepoSize - sizes('datastore', 'isFile') - sizes('blocks', 'isDirectory')
}

/** Saves an image under a name, from an archive. */
async function save(image: TestImage, name: string): Promise<string> {
  const file = `${real.place.folder}/${name.replace(':', '-')}.tar`
  await Bun.write(file, archiveOci(image, 'plain'))
  const [root = ''] = await works('save', '-q', '-i', file)
  await works('tag', root, name)
  await Bun.file(file).delete()
  return root
}

interface DuRow {
  readonly Type: string
  readonly Name: string
  readonly CID: string
  readonly Images: string
  readonly Bytes: number
  readonly SharedBytes?: number
  readonly UniqueBytes?: number
}

const du = async () => (await works('du', '--format', 'json')).map((line) => JSON.parse(line) as DuRow)
const bytesOf = (rows: DuRow[], type: string) => rows.find((row) => row.Type === type)?.Bytes ?? Number.NaN

/** The ratio of two sizes is within 1 % of 1. */
function same(a: number, b: number): void {
  expect(Math.abs(a / b - 1)).toBeLessThan(0.01)
}

beforeAll(async () => {
  repo.push(await repoSize())
  for (const number of [1, 2, 3]) {
    roots.push(await save(version(number), `shop:${number}`))
    await node().rpc('repo/gc')
    repo.push(await repoSize())
  }
})

describe('sizes are those of the blocks in the repository:', () => {
  test('of one image, and of what each further one adds', async () => {
    const rows = (await works('ls', '-s', '--format', 'json')).map((line) => JSON.parse(line) as DuRow)
    expect(rows.map(({ CID }) => CID)).toEqual(roots)
    const grown = repo.slice(1).map((size, at) => size - (repo[at] ?? 0))
    same(rows[0]?.Bytes ?? 0, grown[0] ?? 0)
    same(rows[1]?.UniqueBytes ?? 0, grown[1] ?? 0)
    same(rows[2]?.UniqueBytes ?? 0, grown[2] ?? 0)
    for (const { Bytes, SharedBytes, UniqueBytes } of rows) expect((SharedBytes ?? 0) + (UniqueBytes ?? 0)).toBe(Bytes)
  })

  test('du adds them up, with layers, the catalogue and the whole repository', async () => {
    const rows = await du()
    expect(rows.map(({ Type }) => Type)).toEqual([
      ...['image', 'image', 'image', 'layer', 'layer', 'layer', 'layer'],
      ...['catalogue', 'total', 'repository'],
    ])
    same(bytesOf(rows, 'total'), (repo[3] ?? 0) - (repo[0] ?? 0))
    expect(bytesOf(rows, 'repository')).toBeGreaterThan(repo[3] ?? 0)
    const layers = rows.filter(({ Type }) => Type === 'layer')
    expect(layers.map(({ Images }) => Images)).toEqual(['3', '1', '1', '1'])
    same(layers[0]?.UniqueBytes ?? 0, layers[0]?.Bytes ?? 0)
    // The assets are shared between layers that are not equal.
    expect(layers[1]?.SharedBytes).toBeGreaterThan(5_900_000)
    expect(layers[1]?.UniqueBytes).toBeLessThan(3_200_000)
    const [head, ...lines] = await works('du')
    expect(head).toMatch(/^TYPE +NAME +IMAGES +SIZE +SHARED +UNIQUE$/)
    expect(lines).toHaveLength(rows.length)
    expect(lines[0]).toMatch(/^image +shop:1 +21\.\d+MB +18\.\d+MB +3\.\d+MB$/)
  })

  test('rm says what GC then frees, and ls and du agree with what is left', async () => {
    const run = await ipfs('rm', 'shop:3')
    expect(run).toMatchObject({ exitCode: 0, stdout: `Untagged: shop:3\nDeleted: ${roots[2]}\n` })
    const [, said = ''] = /frees ([\d.]+MB)/.exec(run.stderr) ?? []
    await node().rpc('repo/gc')
    const now = await repoSize()
    same(Number.parseFloat(said) * 1e6, (repo[3] ?? 0) - now)
    const rows = await du()
    same(bytesOf(rows, 'total'), now - (repo[0] ?? 0))
    same(now, repo[2] ?? 0)
  })
})

describe('diff', () => {
  test('shows layers and files that differ, and bytes shared and new', async () => {
    const run = await ipfs('diff', '--progress', 'quiet', 'shop:1', 'shop:2')
    expect(run).toMatchObject({ exitCode: 0, stderr: '' })
    const [a, b] = [version(1), version(2)].map(({ diffIds }) => diffIds.map((id) => id.slice(7, 19)))
    const lines = run.stdout.split('\n').map((line) => line.replace(/ {3}.*$/, ''))
    expect(lines.slice(0, 7)).toEqual([
      ...['Layers:', `  = ${a?.[0]}`, `  - ${a?.[1]}`, `  + ${b?.[1]}`],
      ...['', 'Files:', '  C /app/code'],
    ])
    expect(run.stdout).toMatch(
      /\nShared {2}█{34}░{6} {2}18\.\d+MB\nNew {5}█{6}░{34} {2}3\.\d+MB that only shop:2 has\n/,
    )
  })

  test('reads the base for a file that only one image has of its own, and takes a format', async () => {
    const plain = await save(imageOf([base, tarOf([{ path: 'usr/lib/base', body: Buffer.from('small') }])]), 'plain:1')
    expect(await works('diff', '-q', 'shop:1', plain)).toEqual(['D /app/assets', 'D /app/code', 'C /usr/lib/base'])
    const [text = ''] = await works('diff', '--format', 'json', plain, plain)
    expect(JSON.parse(text)).toMatchObject({ A: plain, B: plain, Files: [], NewBytes: 0, GoneBytes: 0 })
    await works('rm', 'plain:1')
  })
})

describe('inspect and history', () => {
  test('inspect shows an image as docker image inspect does, with its parts', async () => {
    const run = await ipfs('inspect', 'shop:1', roots[1] ?? '')
    expect(run).toMatchObject({ exitCode: 0, stderr: '' })
    expect(JSON.parse(run.stdout)).toMatchObject([
      { CID: roots[0], Names: ['shop:1'], Pinned: true, Os: 'linux', Architecture: 'amd64' },
      { CID: roots[1], Names: ['shop:2'], Layers: [{ TarSize: base.length }, {}] },
    ])
    expect(await works('inspect', '-f', '{{range .Layers}}{{.DiffID}}\\n{{end}}', 'shop:1')).toEqual([
      ...version(1).diffIds,
    ])
    expect(await works('inspect', '--format', 'json', 'shop:1')).toHaveLength(1)
    const layer = (await works('inspect', '-f', '{{(index .Layers 1).CID}}', 'shop:1'))[0]
    expect((await du()).map(({ CID }) => CID)).toContain(layer ?? '')
  })

  test('inspect --providers asks the network, and warns where the node takes no part in it', async () => {
    const run = await ipfs('inspect', '--providers', '-f', '{{json .Providers}}', 'shop:1')
    expect(run).toMatchObject({ exitCode: 0, stdout: '[]\n' })
  })

  test('history shows the layers, the newest first', async () => {
    const [head, ...rows] = await works('history', 'shop:1')
    expect(head).toMatch(/^LAYER +CREATED +CREATED BY +SIZE +STORED +COMMENT$/)
    expect(rows).toHaveLength(2)
    expect(await works('history', '--format', '{{.Bytes}}', 'shop:1')).toEqual(
      version(1)
        .layers.map((layer) => String(layer.length))
        .reverse(),
    )
    expect(await works('history', '-q', 'shop:1')).toEqual(
      (await works('inspect', '-f', '{{range .Layers}}{{println .CID}}{{end}}', 'shop:1')).filter(Boolean).reverse(),
    )
  })

  test.each([
    [['inspect', 'shop:9'], 4, 'ERROR: no image of the name "shop:9"'],
    [['inspect', '-f', '{{.CID', 'shop:1'], 125, 'ERROR: cannot read the template of --format: unclosed action'],
    [['inspect', '--platform', 'linux/arm64', 'shop:1'], 4, 'ERROR: the image has no linux/arm64'],
    [['history', '--format', '{{.Foo}}', 'shop:1'], 125, 'ERROR: the template of --format asks for .Foo'],
    [['du', 'shop:1'], 1, "docker: 'docker ipfs du' accepts no arguments"],
  ] as const)('%j is refused', async ([command, ...args], exitCode, words) => {
    const run = await ipfs(command, ...args)
    expect(run).toMatchObject({ exitCode, stdout: '' })
    expect(run.stderr).toStartWith(words)
  })
})
