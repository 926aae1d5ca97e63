import { beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { ENGINES } from '../support/engine.ts'
import { archiveOci, contentsOf, digest, GOLDEN, GOLDEN_ROOTS, imageOf, noise } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { run, script } from '../support/scripts.ts'
import { tarOf } from '../support/tar.ts'

const real = useReal({ engines: ENGINES, nodes: ['node'] })
const node = () => real.node()
const NOWHERE = { api: '/ip4/127.0.0.1/tcp/1' }
const path = (name: string) => `${real.place.folder}/${name}`
const LARGE = GOLDEN.large()

/** A rebuild: one file of many is another. */
function release(version: string) {
  const files = Array.from({ length: 40 }, (_, at) => ({ path: `usr/${at}`, body: noise(100_000, `f${at}`), mtime: 9 }))
  return imageOf([tarOf([...files, { path: 'etc/version', body: Buffer.from(version), mtime: 9 }])])
}

/** No engine is needed: this one is nowhere. */
function save(api: string, ...args: string[]) {
  return real.place.run('docker', ['-H', 'unix:///nowhere.sock', 'ipfs', 'save', ...args], {
    env: { DOCKER_IPFS_API: api },
  })
}

beforeAll(async () => {
  await Bun.write(path('large.tar'), archiveOci(LARGE, 'gzip'))
  const made = await save(NOWHERE.api, '-q', '-i', path('large.tar'), '-o', path('large.car'))
  expect(made).toMatchObject({ exitCode: 0, stdout: `${GOLDEN_ROOTS.large}\n`, stderr: '' })
})

describe('save -o', () => {
  test('writes a CAR that `ipfs dag import` takes and pins', async () => {
    await node().empty()
    const ipfs = (await script('kubo')).trim()
    run(ipfs, ['--api', node().api, 'dag', 'import', path('large.car')])
    expect(await node().pins()).toEqual([GOLDEN_ROOTS.large])
    expect(await node().rpc(`cat?arg=${GOLDEN_ROOTS.large}/oci-layout`)).toBe('{"imageLayoutVersion":"1.0.0"}')
  })

  test('writes the same blocks from an engine, from an archive, and into a pipe', async () => {
    const engine = real.engine(ENGINES[0] ?? '')
    const id = await engine.give(LARGE)
    const first = readFileSync(path('large.car'))
    expect(await engine.ipfs(NOWHERE, 'save', '-q', '-o', path('engine.car'), id)).toMatchObject({ exitCode: 0 })
    // Their order is that of the layers in the archive.
    expect(readFileSync(path('engine.car')).length).toBe(first.length)
    const command = `docker -H unix:///nowhere.sock ipfs save -q -i ${path('large.tar')} -o - > ${path('piped.car')}`
    expect(await real.place.run('sh', ['-c', command])).toMatchObject({ exitCode: 0, stderr: '' })
    expect(readFileSync(path('piped.car')).equals(first)).toBe(true)
  })

  test('that fails leaves the file that was there, and nothing beside it', async () => {
    await Bun.write(path('cut.tar'), archiveOci(LARGE, 'plain').subarray(0, 4_000_000))
    await Bun.write(path('kept.car'), 'kept')
    const before = readdirSync(real.place.folder)
    const failed = await real.leavingNothing(() =>
      save(NOWHERE.api, '-q', '-i', path('cut.tar'), '-o', path('kept.car')),
    )
    expect(failed).toMatchObject({ exitCode: 1, stdout: '' })
    expect(await Bun.file(path('kept.car')).text()).toBe('kept')
    expect(readdirSync(real.place.folder)).toEqual(before)
  })

  test('that is cancelled leaves nothing', async () => {
    const before = readdirSync(real.place.folder)
    const command = `(head -c 3000000 ${path('large.tar')}; sleep 60) | docker -H unix:///nowhere.sock ipfs save -q -i - -o ${path('x.car')}`
    const running = real.place.start('sh', ['-c', command])
    while (!readdirSync(real.place.folder).some((name) => name.startsWith('x.car'))) await Bun.sleep(20)
    await Bun.sleep(300)
    running.signalAll('SIGINT')
    await running.finished
    expect(await real.place.processesLeft(3000)).toEqual([])
    expect(readdirSync(real.place.folder)).toEqual(before)
  })

  test.each([
    [['-o', '/nowhere/x.car'], 'ERROR: invalid output path: directory "/nowhere" does not exist'],
    [['-o', '/dev/null'], 'ERROR: invalid output path: "/dev/null" is no regular file'],
    [['--since', GOLDEN_ROOTS.tiny], '--since needs --output'],
    [['-o', 'x.car', '--dry-run'], '--dry-run and --output exclude each other'],
  ])('with %p is refused', async (args, words) => {
    const { exitCode, stdout, stderr } = await save(NOWHERE.api, '-q', '-i', path('large.tar'), ...args)
    expect([1, 125]).toContain(exitCode)
    expect({ stdout, first: stderr.split('\n')[0] }).toEqual({ stdout: '', first: words })
  })

  test('does not write to a terminal', async () => {
    const command = `docker -H unix:///nowhere.sock ipfs save -i ${path('large.tar')} -o -`
    const { exitCode, stdout } = await real.place.run('script', ['-qec', command, '/dev/null'])
    expect(exitCode).toBe(1)
    expect(stdout.trim()).toBe('ERROR: cowardly refusing to save to a terminal. Use the -o flag or redirect')
  })
})

describe.each(ENGINES)('load -i on %s', (name) => {
  const engine = () => real.engine(name)
  beforeEach(() => engine().clear())

  test('needs no node', async () => {
    const loaded = await engine().ipfs(NOWHERE, 'load', '-q', '-i', path('large.car'), '--tag', 'large:1')
    expect(loaded).toMatchObject({ exitCode: 0, stdout: 'Loaded image: large:1\n', stderr: '' })
    expect(await engine().contents('large:1')).toEqual(contentsOf(LARGE))
  })

  test('reads a pipe', async () => {
    const command = `cat ${path('large.car')} | docker -H ${engine().host} ipfs load -q -i -`
    const loaded = await real.place.run('sh', ['-c', command], { env: { DOCKER_IPFS_API: NOWHERE.api } })
    expect(loaded).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await engine().images()).toHaveLength(1)
  })

  test('refuses a damaged file, and loads nothing', async () => {
    const bytes = readFileSync(path('large.car'))
    bytes[3_000_000] = (bytes[3_000_000] as number) ^ 1
    await Bun.write(path('bad.car'), bytes)
    const failed = await real.leavingNothing(() => engine().ipfs(NOWHERE, 'load', '-q', '-i', path('bad.car')))
    expect(failed).toMatchObject({ exitCode: 5, stdout: '' })
    expect(failed.stderr).toMatch(/^ERROR: \S+bad.car: the block \S+ does not match its CID\nThe file is damaged/)
  })
})

describe('a CAR of what another image lacks', () => {
  const engine = () => real.engine(ENGINES[0] ?? '')
  let base = ''
  beforeAll(async () => {
    for (const version of ['1', '2']) {
      await Bun.write(path(`${version}.tar`), archiveOci(release(version), 'plain'))
      const made = await save(NOWHERE.api, '-q', '-i', path(`${version}.tar`), '-o', path(`${version}.car`))
      if (version === '1') base = made.stdout.trim()
    }
    await save(node().api, '-q', '-i', path('1.tar'))
    const made = await save(node().api, '-q', '-i', path('2.tar'), '-o', path('delta.car'), '--since', base)
    expect(made).toMatchObject({ exitCode: 0, stderr: '' })
  })
  beforeEach(() => engine().clear())

  test('is small', () => {
    expect(statSync(path('delta.car')).size * 30).toBeLessThan(statSync(path('2.car')).size)
  })

  test('loads with the base from the node, or from another file', async () => {
    const expected = { exitCode: 0, stderr: '' }
    expect(await engine().ipfs(node(), 'load', '-q', '-i', path('delta.car'), '--tag', 'app:2')).toMatchObject(expected)
    expect(await engine().contents('app:2')).toMatchObject({ config: digest(release('2').config) })
    await engine().clear()
    const files = ['-i', path('delta.car'), '-i', path('1.car')]
    expect(await engine().ipfs(NOWHERE, 'load', '-q', ...files)).toMatchObject(expected)
  })

  test('says which base is missing', async () => {
    for (const at of [NOWHERE, await real.startNode('empty')]) {
      const failed = await engine().ipfs(at, 'load', '-q', '--timeout', '3s', '-i', path('delta.car'))
      expect(failed).toMatchObject({ exitCode: 4, stdout: '' })
      expect(failed.stderr).toContain(`delta.car holds only what ${base} lacks, and the node does not have that image`)
    }
    expect(await engine().images()).toEqual([])
  })

  test('needs a node that has the base', async () => {
    const args = ['-q', '-i', path('2.tar'), '-o', path('none.car'), '--timeout', '2s', '--since']
    const unknown = await save(node().api, ...args, 'bafybeicvr4t4hrini33pyeuoxipcgy33fihteotbmxogildld4avvkhcqa')
    expect(unknown).toMatchObject({ exitCode: 4 })
    expect((await save(NOWHERE.api, ...args, base)).exitCode).toBe(3)
  })
})
