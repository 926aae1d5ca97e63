import { beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ENGINES, type Engine, isOld } from '../support/engine.ts'
import { bulk, GOLDEN, GOLDEN_ROOTS, imageOf, noise, type TestImage } from '../support/images.ts'
import type { KuboNode } from '../support/kubo-node.ts'
import { useReal } from '../support/real.ts'
import { tarOf } from '../support/tar.ts'

const TOP = '/docker-ipfs'
const NAMES = 'images/docker.io/library'

/** Two versions of an app: the same layers below, two of them of one size, and another small one on top. */
const base = tarOf([
  ...Array.from({ length: 200 }, (_, at) => ({ path: `usr/share/${at}`, body: noise(1500, `share ${at}`) })),
  { path: 'usr/lib/large', body: bulk(1_400_000, 'large') },
])
const left = tarOf([{ path: 'opt/data', body: bulk(300_000, 'left') }])
const right = tarOf([{ path: 'opt/data', body: bulk(300_000, 'right') }])
const app = (version: number) => tarOf([{ path: 'app/version', body: bulk(200_000, `app ${version}`) }])
const IMAGES = { v1: imageOf([base, left, right, app(1)]), v2: imageOf([base, left, right, app(2)]) }
const HEX = IMAGES.v1.diffIds.map((diffId) => diffId.slice('sha256:'.length))
const [BASE = '', LEFT = '', RIGHT = ''] = HEX

/** An engine whose archives call layers by diffID, and by nothing else. */
const CLASSIC_OCI = ENGINES.find((name) => !isOld(name) && !name.endsWith('-ctr')) ?? ''

const real = useReal({ engines: ENGINES, nodes: ['node'] })
const node = () => real.node()
/** The root CIDs as saves without the catalogue give them. */
const roots = { v1: '', v2: '' }

beforeAll(async () => {
  const engine = real.engine(ENGINES[0] ?? '')
  for (const version of ['v1', 'v2'] as const) {
    await node().empty()
    const run = await engine.ipfs(node(), 'save', '-q', '--no-cache', await engine.give(IMAGES[version]))
    expect(run).toMatchObject({ exitCode: 0, stderr: '' })
    roots[version] = run.stdout.trimEnd()
  }
  await engine.clear()
})
beforeEach(() => node().empty())

/** Blocks of the repository and their bytes. */
async function repo(): Promise<{ blocks: number; bytes: number }> {
  const folder = join(node().repo, 'blocks')
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.data'))
    .map((entry) => join(entry.parentPath, entry.name))
  return { blocks: files.length, bytes: files.reduce((sum, file) => sum + statSync(file).size, 0) }
}

/** Fails when a block of the DAG is not in the node's own repository. */
async function isWhole(root: string): Promise<void> {
  const lines = await node().rpc(`refs?arg=${root}&recursive=true&unique=true&offline=true`)
  expect(lines.split('\n').filter((line) => line.includes('"Err":"') && !line.includes('"Err":""'))).toEqual([])
  expect(lines.split('\n').length).toBeGreaterThan(10)
}

interface Entry {
  readonly Name: string
  readonly Type: number
  readonly Hash: string
}

async function list(path: string): Promise<Entry[]> {
  const text = await node().rpc(`files/ls?arg=${TOP}/${path}&long=true`)
  return (JSON.parse(text) as { Entries: Entry[] | null }).Entries ?? []
}

/** The catalogue with everything in it: CIDs by path, and the records but for their times. */
async function catalogue(): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {}
  const walk = async (path: string) => {
    for (const { Name, Type, Hash } of await list(path)) {
      const below = `${path}/${Name}`
      if (path.startsWith('records')) {
        const { savedAt, ...record } = JSON.parse(await read(below)) as Record<string, unknown>
        expect(savedAt).toMatch(/^\d{4}-\d\d-\d\dT/)
        found[below] = record
      } else if (Type === 1 && !path.startsWith('ids') && !isImage(below)) await walk(below)
      else found[below] = Hash
    }
  }
  for (const top of ['images', 'ids', 'layers', 'records']) await walk(top)
  return found
}

/** A folder of names may have a colon itself: that of a registry with a port. */
const isImage = (path: string) => /^images\/[^/]+\/.*:[^/]+$/.test(path)

const read = (path: string) => node().rpc(`files/read?arg=${TOP}/${path}`)

const remove = (path: string) => node().rpc(`files/rm?arg=${TOP}/${path}&recursive=true`)

async function write(path: string, text: string): Promise<void> {
  const body = new FormData()
  body.append('file', new Blob([text]))
  await node().rpc(`files/write?arg=${TOP}/${path}&create=true&parents=true&truncate=true`, body)
}

async function copy(from: string, to: string): Promise<void> {
  const source = from.startsWith('/ipfs/') ? from : `${TOP}/${from}`
  await node().rpc(`files/cp?arg=${source}&arg=${TOP}/${to}&parents=true`)
}

async function replace(path: string, by: string): Promise<void> {
  // What comes in its place may lie in it.
  const { Hash } = JSON.parse(await node().rpc(`files/stat?arg=${TOP}/${by}`)) as { Hash: string }
  await remove(path)
  await copy(`/ipfs/${Hash}`, path)
}

/** The CIDs that a node links to. */
async function links(cid: string): Promise<string[]> {
  const text = await node().rpc(`refs?arg=${cid}&offline=true`)
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as { Ref: string }).Ref)
}

const removeBlock = (cid: string) => node().rpc(`block/rm?arg=${cid}&force=true`)

/** Saves with a line for each layer, which must work; gives the CID and what was said of the layers, bottom first. */
async function save(engine: Engine, image: string, ...flags: string[]) {
  const run = await engine.ipfs(node(), 'save', '--progress', 'plain', ...flags, image)
  expect(run).toMatchObject({ exitCode: 0 })
  const layers = [...run.stderr.matchAll(/^[0-9a-f]{12}: (Already saved|Saved)/gm)].map(([, status]) => status)
  return { ...run, cid: run.stdout.trimEnd(), layers: layers.sort() }
}

async function give(engine: Engine, image: TestImage, name: string): Promise<string> {
  const id = await engine.give(image)
  await engine.docker('image', 'tag', id, name)
  return id
}

/** What is said of the layers, sorted. */
const ALL_SAVED = Array(4).fill('Saved')
const ALL_SKIPPED = Array(4).fill('Already saved')
const ONE_SAVED = [...ALL_SKIPPED.slice(1), 'Saved']
const TWO_SAVED = [...ALL_SKIPPED.slice(2), 'Saved', 'Saved']

describe.each(ENGINES)('%s', (name) => {
  const engine = () => real.engine(name)
  let ids: { v1: string; v2: string }

  beforeAll(async () => {
    await engine().clear()
    ids = { v1: await give(engine(), IMAGES.v1, 'app:1'), v2: await give(engine(), IMAGES.v2, 'app:2') }
  })

  test('the second save answers from the catalogue, and writes nothing', async () => {
    expect(await save(engine(), 'app:1')).toMatchObject({ cid: roots.v1, layers: ALL_SAVED })
    const before = await repo()
    const again = await save(engine(), 'app:1')
    expect(again).toMatchObject({ cid: roots.v1, stderr: `${roots.v1} is already saved\n` })
    expect(await repo()).toEqual(before)
    expect(await save(engine(), ids.v1)).toMatchObject({ cid: roots.v1, stderr: again.stderr })
    expect(await repo()).toEqual(before)
  })

  test('another name of a saved image is recorded beside the first', async () => {
    await engine().docker('image', 'tag', 'app:1', 'registry.example:5000/team/app:one')
    await save(engine(), 'app:1')
    const retagged = await save(engine(), 'registry.example:5000/team/app:one')
    expect(retagged).toMatchObject({ cid: roots.v1, stderr: `${roots.v1} is already saved\n` })
    await engine().docker('image', 'rm', 'registry.example:5000/team/app:one')
    expect(await catalogue()).toMatchObject({
      [`${NAMES}/app:1`]: roots.v1,
      'images/registry.example:5000/team/app:one': roots.v1,
      [`records/${roots.v1}.json`]: {
        names: ['docker.io/library/app:1', 'registry.example:5000/team/app:one'],
        imageIds: [ids.v1],
        layers: IMAGES.v1.diffIds,
      },
    })
  })

  test('a name that moves to another image and back is always that of the last save', async () => {
    const named = async () => (await catalogue())[`${NAMES}/moving:1`]
    for (const version of ['v1', 'v2', 'v1'] as const) {
      await engine().docker('image', 'tag', ids[version], 'moving:1')
      const run = await save(engine(), 'moving:1')
      expect(run.stderr).not.toContain('WARNING')
      expect(run.cid).toBe(roots[version])
      expect(await named()).toBe(roots[version])
    }
    await engine().docker('image', 'rm', 'moving:1')
  })

  test('layers that another image brought are skipped, and the CID is the same as without the catalogue', async () => {
    expect(await save(engine(), 'app:1')).toMatchObject({ layers: ALL_SAVED })
    const before = await repo()
    const second = await save(engine(), 'app:2')
    expect(second).toMatchObject({ cid: roots.v2, layers: ONE_SAVED })
    expect(second.stderr).not.toContain('WARNING')
    expect((await repo()).bytes - before.bytes).toBeLessThan(300_000)
    await isWhole(roots.v2)
  })

  test('an image with very many layers is in the catalogue, too', async () => {
    // More writes than Kubo takes without a flush.
    const layers = Array.from({ length: 120 }, (_, at) => tarOf([{ path: `file ${at}`, body: noise(20, `${at}`) }]))
    const id = await engine().give(imageOf(layers))
    const run = await save(engine(), id)
    expect(run.stderr).not.toContain('WARNING')
    expect(run.layers).toEqual(Array(120).fill('Saved'))
    expect(await save(engine(), id)).toMatchObject({ cid: run.cid, stderr: `${run.cid} is already saved\n` })
    await engine().docker('image', 'rm', id)
  })

  test('a pin that has a name gives it to no other version', async () => {
    await give(engine(), IMAGES.v1, 'app:1')
    await give(engine(), IMAGES.v2, 'app:2')
    await save(engine(), 'app:1')
    await node().rpc(`pin/add?arg=${roots.v1}&name=mine`)
    expect(await save(engine(), 'app:2')).toMatchObject({ cid: roots.v2, layers: ONE_SAVED })
    const { Keys } = JSON.parse(await node().rpc('pin/ls?type=recursive&names=true')) as { Keys: object }
    expect(Keys).toMatchObject({
      [roots.v1]: { Name: 'mine', Type: 'recursive' },
      [roots.v2]: { Name: '', Type: 'recursive' },
    })
  })

  test('--no-cache does all the work, and adds nothing', async () => {
    await save(engine(), 'app:1')
    const before = await catalogue()
    const run = await save(engine(), 'app:1', '--no-cache')
    expect(run).toMatchObject({ cid: roots.v1, layers: ALL_SAVED })
    expect(run.stderr).not.toContain('already saved')
    expect(await catalogue()).toEqual(before)
  })
})

describe('what another engine saved', () => {
  const layouts = [...new Set([ENGINES[0] ?? '', ENGINES.at(-1) ?? ''])]

  test('is the same image in the catalogue, with the IDs of both', async () => {
    const found: string[] = []
    for (const name of layouts) {
      found.push(await give(real.engine(name), IMAGES.v1, 'app:1'))
      expect((await save(real.engine(name), 'app:1')).cid).toBe(roots.v1)
    }
    const record = (await catalogue())[`records/${roots.v1}.json`] as { imageIds: string[] }
    expect(record.imageIds.sort()).toEqual([...new Set(found)].sort())
    for (const name of layouts) {
      expect((await save(real.engine(name), 'app:1')).stderr).toBe(`${roots.v1} is already saved\n`)
    }
  })
})

describe('a catalogue that is gone or damaged', () => {
  const engine = () => real.engine(CLASSIC_OCI)
  let ids: { v1: string; v2: string }
  /** The catalogue as it must be once both versions are saved. */
  let right: Record<string, unknown>

  beforeAll(async () => {
    await engine().clear()
    ids = { v1: await give(engine(), IMAGES.v1, 'app:1'), v2: await give(engine(), IMAGES.v2, 'app:2') }
    await node().empty()
    await save(engine(), 'app:1')
    await save(engine(), 'app:2')
    right = await catalogue()
  })

  /** Damages the catalogue, saves again, and holds what came of it against what must be. */
  async function recovers(damage: () => Promise<unknown>, version: 'v1' | 'v2' = 'v2', first: 'v1' | 'both' = 'v1') {
    await save(engine(), 'app:1')
    if (first === 'both') await save(engine(), 'app:2')
    await damage()
    const run = await save(engine(), version === 'v1' ? 'app:1' : 'app:2')
    expect(run.cid).toBe(roots[version])
    await isWhole(roots[version])
    if (version === 'v1') await save(engine(), 'app:2')
    expect(await catalogue()).toEqual(right)
    expect((await save(engine(), version === 'v1' ? 'app:1' : 'app:2')).stderr).toBe(
      `${roots[version]} is already saved\n`,
    )
    return run
  }

  test('after pin rm, files rm and repo gc a save does all the work', async () => {
    await save(engine(), 'app:1')
    await node().empty()
    expect(await save(engine(), 'app:1')).toMatchObject({ cid: roots.v1, layers: ALL_SAVED })
    await isWhole(roots.v1)
  })

  test('an image that is not pinned any more is pinned again', async () => {
    await save(engine(), 'app:1')
    await node().rpc(`pin/rm?arg=${roots.v1}`)
    await node().rpc('repo/gc')
    expect(await save(engine(), 'app:1')).toMatchObject({ cid: roots.v1, layers: ALL_SKIPPED })
    expect(await node().pins()).toContain(roots.v1)
  })

  test.each(['', '{}', '[1', 'null', '{"version":1}', '{"version":2}', '\0\xff'])(
    'layer.json is %j: the layer is saved anew',
    async (text) => {
      const run = await recovers(() => write(`layers/${BASE}/layer.json`, text))
      expect(run.layers).toEqual(TWO_SAVED)
    },
  )

  test('layer.json says of the layer what is not so: it is saved anew', async () => {
    const run = await recovers(async () => {
      const record = JSON.parse(await read(`layers/${BASE}/layer.json`)) as object
      await write(`layers/${BASE}/layer.json`, JSON.stringify({ ...record, blobSize: 1, tarSize: 1 }))
    })
    expect(run.layers).toEqual(TWO_SAVED)
  })

  test('layer.json is that of another layer', async () => {
    const run = await recovers(() => replace(`layers/${BASE}/layer.json`, `layers/${LEFT}/layer.json`))
    expect(run.layers).toEqual(TWO_SAVED)
  })

  test('a layer is wholly replaced by another of its size: the save begins anew', async () => {
    const run = await recovers(() => replace(`layers/${LEFT}`, `layers/${RIGHT}`))
    expect(run.stderr).toContain('WARNING: the catalogue is wrong')
  })

  test('the blob of a layer is another file', async () => {
    const blob = async (hex: string) => (await list(`layers/${hex}`)).find(({ Name }) => Name !== 'layer.json')?.Name
    const run = await recovers(async () =>
      replace(`layers/${BASE}/${await blob(BASE)}`, `layers/${LEFT}/${await blob(LEFT)}`),
    )
    expect(run.layers).toEqual(TWO_SAVED)
  })

  test('a layer is a text file', async () => {
    const run = await recovers(async () => {
      await remove(`layers/${BASE}`)
      await write(`layers/${BASE}`, 'not a folder')
    })
    expect(run.layers).toEqual(TWO_SAVED)
  })

  test('a layer is missing', async () => {
    const run = await recovers(() => remove(`layers/${BASE}`))
    expect(run.layers).toEqual(TWO_SAVED)
  })

  test.each(['', 'garbage', '{"version":1,"root":1}'])('the record of an image is %j', async (text) => {
    await recovers(() => write(`records/${roots.v1}.json`, text), 'v1')
  })

  test('the ID of an image points at another image', async () => {
    await recovers(() => replace(`ids/${ids.v1.slice(7)}`, `ids/${ids.v2.slice(7)}`), 'v1', 'both')
  })

  test('the ID of an image is a text file', async () => {
    await recovers(async () => {
      await remove(`ids/${ids.v1.slice(7)}`)
      await write(`ids/${ids.v1.slice(7)}`, 'no image')
    }, 'v1')
  })

  test('the name of an image is a text file', async () => {
    await recovers(async () => {
      await remove(`${NAMES}/app:1`)
      await write(`${NAMES}/app:1`, 'no image')
    }, 'v1')
  })

  test('the name of the version before is a folder of something else', async () => {
    await recovers(async () => {
      await replace(`${NAMES}/app:1`, 'layers')
      // It is put right as soon as that version is saved again.
      await save(engine(), 'app:1')
    })
  })

  test.each(['', 'garbage', '{"version":1,"tags":1}', '{"version":1,"tags":["../..",7]}'])(
    'the tags that were written last are %j',
    async (text) => {
      await recovers(() => write('versions/docker.io/library/app:.json', text))
    },
  )

  test('the catalogue is a text file: a save works, and warns', async () => {
    await node().rpc(`files/rm?arg=${TOP}&recursive=true&force=true`)
    const body = new FormData()
    body.append('file', new Blob(['not a folder']))
    await node().rpc(`files/write?arg=${TOP}&create=true`, body)
    const run = await save(engine(), 'app:1')
    expect(run.cid).toBe(roots.v1)
    expect(run.stderr).toContain("WARNING: the image is saved, but not in the node's catalogue")
    await isWhole(roots.v1)
  })

  describe('names blocks that the node has lost', () => {
    /** CIDs of the base layer's folder in the catalogue: itself, its record, its blob, and the first leaf of that. */
    async function partsOfBase() {
      const folder = (await list('layers')).find(({ Name }) => Name === BASE)?.Hash ?? ''
      const entries = await list(`layers/${BASE}`)
      const record = entries.find(({ Name }) => Name === 'layer.json')?.Hash ?? ''
      const blob = entries.find(({ Name }) => Name !== 'layer.json')?.Hash ?? ''
      const [leaf = ''] = await links(blob)
      expect(leaf).not.toBe('')
      return { folder, record, blob, leaf }
    }

    test.each(['leaf', 'blob', 'record', 'folder'] as const)(
      'the %s of a layer',
      async (part) => {
        const run = await recovers(async () => {
          await node().rpc(`pin/rm?arg=${roots.v1}`)
          const cid = (await partsOfBase())[part]
          expect(cid).not.toBe('')
          await removeBlock(cid)
          // What stays in the node's memory is not what stands in its repository.
          await node().stop()
          await node().restart()
        })
        expect(run.ms).toBeLessThan(60_000)
        // A request that waits for the block and was given up must not keep the node's GC lock.
        await node().rpc('repo/gc')
      },
      180_000,
    )

    test('the root of the version before', async () => {
      await save(engine(), 'app:1')
      await node().rpc(`pin/rm?arg=${roots.v1}`)
      await removeBlock(roots.v1)
      await node().stop()
      await node().restart()
      const run = await save(engine(), 'app:2')
      expect(run.cid).toBe(roots.v2)
      expect(run.ms).toBeLessThan(60_000)
      await isWhole(roots.v2)
      expect((await save(engine(), 'app:1')).cid).toBe(roots.v1)
      await isWhole(roots.v1)
      expect(await catalogue()).toEqual(right)
    }, 180_000)

    test('every block of the version before', async () => {
      await save(engine(), 'app:1')
      await node().rpc(`pin/rm?arg=${roots.v1}`)
      const text = await node().rpc(`refs?arg=${roots.v1}&recursive=true&unique=true&offline=true`)
      const refs = text.split('\n').filter(Boolean)
      for (const cid of [roots.v1, ...refs.map((line) => (JSON.parse(line) as { Ref: string }).Ref)]) {
        await removeBlock(cid)
      }
      await node().stop()
      await node().restart()
      const run = await save(engine(), 'app:2')
      expect(run.cid).toBe(roots.v2)
      expect(run.ms).toBeLessThan(60_000)
      await isWhole(roots.v2)
      expect((await save(engine(), 'app:1')).cid).toBe(roots.v1)
      await isWhole(roots.v1)
      expect(await catalogue()).toEqual(right)
    }, 180_000)
  })
})

describe('save --dry-run', () => {
  const engine = () => real.engine(CLASSIC_OCI)

  interface Planned {
    readonly root: string
    readonly newBytes: number
    readonly newBlocks: number
    readonly sharedBlocks: number
  }

  async function plan(image: string): Promise<Planned> {
    const before = [await repo(), await pinsAndFiles(node())]
    const { exitCode, stdout } = await engine().ipfs(node(), 'save', '--dry-run', image)
    expect(exitCode).toBe(0)
    expect([await repo(), await pinsAndFiles(node())]).toEqual(before)
    const [, root = '', bytes = '', unit = '', newBlocks, sharedBlocks] =
      /^(\w+): ([\d.]+)([kMG]?)B in (\d+) blocks? new, [\d.]+[kMG]?B in (\d+) blocks? shared\n$/.exec(stdout) ?? []
    const newBytes = Number(bytes) * 1000 ** ['', 'k', 'M', 'G'].indexOf(unit)
    return { root, newBytes, newBlocks: Number(newBlocks), sharedBlocks: Number(sharedBlocks) }
  }

  async function pinsAndFiles(of: KuboNode): Promise<unknown> {
    return [await of.pins(), await of.rpc('files/stat?arg=/')]
  }

  /** What a save adds must be what the plan said, within 2 %. */
  async function holds(image: string, root: string): Promise<Planned> {
    const planned = await plan(image)
    expect(planned.root).toBe(root)
    const before = await repo()
    expect((await save(engine(), image)).cid).toBe(root)
    const added = (await repo()).bytes - before.bytes
    expect(Math.abs(planned.newBytes - added) / added).toBeLessThan(0.02)
    return planned
  }

  beforeAll(async () => {
    await engine().clear()
    await give(engine(), IMAGES.v1, 'app:1')
    await give(engine(), IMAGES.v2, 'app:2')
    await give(engine(), GOLDEN.large(), 'large:1')
  })

  test('writes nothing, and foretells the bytes of a first version and of the next', async () => {
    expect(await holds('app:1', roots.v1)).toMatchObject({ sharedBlocks: 0 })
    expect((await holds('app:2', roots.v2)).sharedBlocks).toBeGreaterThan(5)
    await holds('large:1', GOLDEN_ROOTS.large)
  })

  test('says that an image which is there already adds nothing', async () => {
    await save(engine(), 'app:1')
    expect(await plan('app:1')).toMatchObject({ root: roots.v1, newBytes: 0, newBlocks: 0 })
  })

  test('names an image that is not there', async () => {
    const run = await engine().ipfs(node(), 'save', '--dry-run', 'none:1')
    expect(run).toMatchObject({ exitCode: 4, stdout: '' })
    expect(run.stderr).toContain('No such image: none:1')
  })
})
