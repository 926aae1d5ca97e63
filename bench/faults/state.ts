/** What the node keeps, as the plugin says and as the node itself says. */
import { hashText, parseCid } from '../../src/dag/cid.ts'
import { mustWork, type World } from './world.ts'

type OfNode = Pick<World, 'node'>

/** CIDs by name, as the node itself tells them: quicker than `ls`, and without images that have no name. */
export async function namesInMfs({ node }: OfNode): Promise<Map<string, string>> {
  const text = await node.rpc('files/ls?arg=/docker-ipfs/images/docker.io/library&long=true').catch(none)
  const { Entries } = JSON.parse(text) as { Entries: { Name: string; Hash: string }[] | null }
  return new Map((Entries ?? []).map(({ Name, Hash }) => [Name, Hash]))
}

function none(error: unknown): string {
  if (!/file does not exist/.test(`${error}`)) throw error
  return '{"Entries":null}'
}

/** CIDs by name, as `ls` lists them. A row without a name is `<none>`, with its CID. */
export async function namesOnNode(world: Pick<World, 'engine' | 'node'>): Promise<Map<string, string>> {
  const run = await world.engine.ipfs(world.node, 'ls', '--no-trunc', '--format', '{{.Repository}}:{{.Tag}} {{.CID}}')
  const rows = mustWork(run).split('\n').filter(Boolean)
  if (run.stderr !== '') throw new Error(`ls says ${run.stderr}`)
  return new Map(
    rows.map((row) => {
      const [name = '', cid = ''] = row.split(' ')
      return [name === '<none>:<none>' ? `<none> ${cid}` : name, cid]
    }),
  )
}

export interface Pins {
  readonly recursive: readonly string[]
  readonly direct: readonly string[]
}

export async function pinsOnNode({ node }: OfNode): Promise<Pins> {
  const { Keys = {} } = JSON.parse(await node.rpc('pin/ls?type=direct')) as { Keys?: object }
  return { recursive: await node.pins(), direct: Object.keys(Keys) }
}

/** What is missing of DAGs in the node's own repository. */
export async function missingOf({ node }: OfNode, roots: readonly string[]): Promise<string[]> {
  if (roots.length === 0) return []
  const args = roots.map((root) => `arg=${root}`).join('&')
  const lines = (await node.rpc(`refs?${args}&recursive=true&unique=true&offline=true`)).split('\n')
  return lines.filter((line) => /"Err":"[^"]/.test(line))
}

/** Folders of MFS that are not the catalogue's. */
export async function strangeFolders({ node }: OfNode): Promise<string[]> {
  const at = async (path: string) => {
    const { Entries } = JSON.parse(await node.rpc(`files/ls?arg=${path}`)) as { Entries: { Name: string }[] | null }
    return (Entries ?? []).map(({ Name }) => `${path === '/' ? '' : path}/${Name}`)
  }
  const found = [...(await at('/')), ...(await at('/docker-ipfs'))]
  return found.filter((path) => !OURS.test(path))
}

const OURS = /^\/docker-ipfs(\/(images|ids|layers|records|versions|published|pulled))?$/

/** The CIDs of the publications in the catalogue, and what the key's name stands for. */
export async function published({ node }: OfNode): Promise<string[]> {
  const { Keys } = JSON.parse(await node.rpc('key/list')) as { Keys: { Name: string; Id: string }[] }
  const key = Keys.find(({ Name }) => Name === 'docker-ipfs')?.Id
  if (key === undefined) return []
  const { Path } = JSON.parse(await node.rpc(`name/resolve?arg=/ipns/${key}&nocache=true&offline=true`)) as {
    Path: string
  }
  return [Path.replace('/ipfs/', '')]
}

/** Hashes of blocks in the node's own repository that neither a pin nor a folder of MFS needs: what a GC should have taken. */
export async function leftAfterGc({ node }: OfNode): Promise<string[]> {
  const { Keys = {} } = JSON.parse(await node.rpc('pin/ls?type=recursive')) as { Keys?: object }
  const kept = [...Object.keys(Keys), await node.names()]
  const args = kept.map((cid) => `arg=${cid}`).join('&')
  const refs = async (path: string) =>
    (await node.rpc(path))
      .split('\n')
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { Ref: string }).Ref)
  const needed = new Set([...kept, ...(await refs(`refs?${args}&recursive=true&unique=true&offline=true`))].map(hashOf))
  return (await refs('refs/local')).map(hashOf).filter((hash) => !needed.has(hash))
}

function hashOf(cid: string): string {
  return hashText(parseCid(cid))
}
