import { beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { type Block, rawBlock } from '../../src/dag/blocks.ts'
import { parseCid } from '../../src/dag/cid.ts'
import { type DagNode, leafNode, writeDirectory } from '../../src/format/files.ts'
import { ENGINES } from '../support/engine.ts'
import { bulk, digest, imageOf } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { tarOf } from '../support/tar.ts'

/** Each layer is worth a step of its own. */
const IMAGE = imageOf(['one', 'two'].map((name) => tarOf([{ path: name, body: bulk(17_000_000, name) }])))

const real = useReal({ engines: ENGINES, nodes: ['node'] })
const node = () => real.node()
let root = ''

beforeAll(async () => {
  const engine = real.engine(ENGINES[0] ?? '')
  root = await engine.save(node(), await engine.give(IMAGE))
})
beforeEach(() => Promise.all(ENGINES.map((name) => real.engine(name).clear())))

interface Descriptor {
  digest: string
  size: number
  annotations?: Record<string, string>
}
interface Documents {
  manifest: { config: Descriptor; layers: [Descriptor, Descriptor] }
  config: { rootfs: { diff_ids: [string, string] } }
  /** CIDs of the layer blobs, by digest. */
  blobs: Map<string, string>
}

async function put({ cid, bytes }: Block): Promise<void> {
  const form = new FormData()
  form.append('file', new Blob([bytes as Uint8Array<ArrayBuffer>]))
  await node().rpc(`block/put?cid-codec=${cid.code === 0x55 ? 'raw' : 'dag-pb'}`, form)
}

async function document(value: unknown): Promise<DagNode & Descriptor> {
  const bytes = Buffer.from(JSON.stringify(value))
  const block = rawBlock(bytes)
  await put(block)
  return { ...leafNode(block), digest: digest(bytes), size: bytes.length }
}

const folder = (entries: Record<string, DagNode>) => writeDirectory(new Map(Object.entries(entries)), { put })
const link = (cid: string): DagNode => ({ cid: parseCid(cid), fileSize: 0, dagSize: 0 })
const hexOf = (text: string) => text.slice('sha256:'.length)

/** The image with other documents, each named by its right digest; gives the root CID. */
async function lie(change: (documents: Documents) => void): Promise<string> {
  const read = async (path: string) => JSON.parse(await node().rpc(`cat?arg=/ipfs/${root}/${path}`))
  const index = (await read('index.json')) as { manifests: [Descriptor] }
  const manifest = (await read(`blobs/sha256/${hexOf(index.manifests[0].digest)}`)) as Documents['manifest']
  const config = (await read(`blobs/sha256/${hexOf(manifest.config.digest)}`)) as Documents['config']
  const blobs = new Map<string, string>()
  for (const layer of manifest.layers) {
    const path = `/ipfs/${root}/blobs/sha256/${hexOf(layer.digest)}`
    blobs.set(layer.digest, (JSON.parse(await node().rpc(`files/stat?arg=${path}`)) as { Hash: string }).Hash)
  }
  const documents = { manifest, config, blobs }
  change(documents)
  const newConfig = await document(documents.config)
  Object.assign(manifest.config, { digest: newConfig.digest, size: newConfig.size })
  const newManifest = await document(manifest)
  Object.assign(index.manifests[0], { digest: newManifest.digest, size: newManifest.size })
  const layers = [...blobs].map(([name, cid]) => [hexOf(name), link(cid)] as const)
  const named = [newConfig, newManifest].map((one) => [hexOf(one.digest), one] as const)
  const sha256 = await folder(Object.fromEntries([...layers, ...named].sort(([a], [b]) => (a < b ? -1 : 1))))
  const top = await folder({
    blobs: await folder({ sha256 }),
    'index.json': await document(index),
    'oci-layout': await document({ imageLayoutVersion: '1.0.0' }),
  })
  return top.cid.toString()
}

describe.each(ENGINES)('%s is spared an image', (name) => {
  const engine = () => real.engine(name)

  async function fails(lying: string, ...flags: string[]) {
    const run = await real.leavingNothing(() => engine().ipfs(node(), 'load', '-q', '--tag', 'lie:1', ...flags, lying))
    expect(run.stdout).toBe('')
    expect(await engine().images()).toEqual([])
    return { exitCode: run.exitCode, error: run.stderr.split('\n')[0]?.replace(/sha256:[0-9a-f]{64}/g, '<digest>') }
  }

  test('that is as it should be not at all', async () => {
    const honest = await lie(() => undefined)
    expect(await engine().ipfs(node(), 'load', '-q', honest)).toMatchObject({ exitCode: 0, stderr: '' })
  })

  test('in which one layer blob stands for another', async () => {
    const replaced = await lie(({ manifest, blobs }) => {
      const [first, second] = manifest.layers
      blobs.set(second.digest, blobs.get(first.digest) ?? '')
    })
    expect(await fails(replaced)).toMatchObject({
      exitCode: 5,
      error: expect.stringMatching(/^ERROR: (the tar of )?layer <digest> /),
    })
  })

  test.each([1, -1, 3_000_000])('whose manifest says %d bytes too many of a layer', async (bytes) => {
    const lying = await lie(({ manifest }) => {
      manifest.layers[1].size += bytes
    })
    expect(await fails(lying)).toMatchObject({
      exitCode: 5,
      error: expect.stringMatching(/^ERROR: layer <digest> .* but should have /),
    })
  })

  test('whose config names the layers the other way round', async () => {
    const lying = await lie(({ config }) => {
      config.rootfs.diff_ids.reverse()
    })
    const { exitCode, error } = await fails(lying)
    expect(exitCode).toBe(5)
    expect(error).toMatch(/^ERROR: the (Docker )?engine /)
  })

  test('of which a block is missing', async () => {
    const lying = await lie(({ manifest, blobs }) => {
      const nowhere = rawBlock(Buffer.from('nobody has this'))
      blobs.set(manifest.layers[1].digest, nowhere.cid.toString())
    })
    expect(await fails(lying, '--timeout', '2s')).toEqual({
      exitCode: 4,
      error: `ERROR: no node gave ${lying} within 2 s`,
    })
  })
})
