/** An engine, the node that commands talk to, and a far node that has all images, each where faults can reach it. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Engine } from '../../test/support/engine.ts'
import { join as joinNodes, keepApart } from '../../test/support/far.ts'
import { KuboNode } from '../../test/support/kubo-node.ts'
import { type Finished, Place } from '../../test/support/place.ts'
import { RUN, script } from '../../test/support/scripts.ts'
import { Toxiproxy, type Way } from '../../test/support/toxiproxy.ts'
import { EngineImages } from './engine-images.ts'
import { type ImageName, KEPT, LARGE, NAMES, SMALL } from './images.ts'
import { SmallDisk } from './small-disk.ts'

const ENGINE_MB = 1500
const NODE_MB = 700

export interface World {
  readonly place: Place
  readonly engine: Engine
  readonly images: EngineImages
  readonly node: KuboNode
  readonly far: KuboNode
  readonly toxiproxy: Toxiproxy
  /** To the API of the node. */
  readonly api: Way
  /** From the node to the far one. */
  readonly network: Way
  readonly disks: { readonly engine: SmallDisk; readonly node: SmallDisk }
  /** Where `save -o` writes; on the disk of the node. */
  readonly out: string
  /** CAR files of all images. */
  readonly cars: string
  /** What each image is called on IPFS. */
  readonly roots: ReadonlyMap<ImageName, string>
  /** IPNS name under which the far node has published all of them. */
  readonly farKey: string
}

export async function createWorld(engineName: string): Promise<World> {
  await removeWhatIsThere(engineName)
  const disks = {
    engine: await SmallDisk.mount(join(RUN, 'engines'), `${engineName}-engine`, ENGINE_MB),
    node: await SmallDisk.mount(join(RUN, 'nodes', 'near'), `${engineName}-node`, NODE_MB),
  }
  const place = new Place()
  const engine = new Engine(place, engineName, (await script('engine', 'start', engineName)).trim())
  const folder = (name: string) => {
    const path = join(RUN, name)
    mkdirSync(path, { recursive: true })
    return path
  }
  const [node, far] = [await startNode('near'), await startNode('far')]
  const toxiproxy = await Toxiproxy.start((await script('toxiproxy')).trim())
  const network = await toxiproxy.way('network', Number(/\/tcp\/(\d+)\//.exec(far.swarm)?.[1]))
  const api = await toxiproxy.way('api', node.port)
  await keepApart(node, far, network)
  await joinNodes(node, far, network)
  const images = new EngineImages(engine, folder('archives'))
  const out = join(disks.node.folder, 'out')
  mkdirSync(out, { recursive: true })
  const world = { place, engine, images, node, far, toxiproxy, api, network, disks, out, cars: folder('cars') }
  return { ...world, ...(await fillNodes(world)) }
}

/** The two nodes are each other's DHT. */
async function startNode(name: string): Promise<KuboNode> {
  const node = new KuboNode(name, await script('node', 'start', name, '--fresh'))
  await node.stop()
  await node.configure((config) => {
    config['Routing'] = { Type: 'dhtserver', LoopbackAddressesOnLanDHT: true }
    Object.assign(config['Provide'] ?? {}, { Enabled: true })
  })
  await node.restart()
  return node
}

/** Saves all images on the far node and publishes them, and those that stay on the near one. */
async function fillNodes(world: Omit<World, 'roots' | 'farKey'>) {
  const { engine, images, far, node, cars } = world
  const roots = new Map<ImageName, string>()
  for (const name of NAMES) {
    await images.give(name)
    roots.set(name, mustWork(await engine.ipfs(far, 'save', '-q', name)).trim())
    mustWork(await engine.ipfs(far, 'save', '-q', '-o', join(cars, carName(name)), name))
  }
  const farKey = mustWork(await engine.ipfs(far, 'publish', '-q', ...SMALL, ...LARGE)).trim()
  for (const name of KEPT) mustWork(await engine.ipfs(node, 'save', '-q', name))
  mustWork(await engine.ipfs(node, 'publish', '-q', ...KEPT))
  return { roots, farKey }
}

export function carName(name: ImageName): string {
  return `${name.replace(':', '-')}.car`
}

export function mustWork({ exitCode, stdout, stderr }: Finished): string {
  if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${stderr.trim()}`)
  return stdout
}

export async function removeWorld(world: World): Promise<void> {
  await world.toxiproxy.stop()
  await removeWhatIsThere(world.engine.name)
  await world.disks.engine.unmount()
  await world.disks.node.unmount()
  world.place.remove()
}

/** Also what a run that was killed has left. */
async function removeWhatIsThere(engineName: string): Promise<void> {
  for (const [kind, name] of [
    ['engine', engineName],
    ['node', 'near'],
    ['node', 'far'],
  ] as const) {
    await script(kind, 'stop', name)
  }
  for (const folder of ['nodes/near', 'engines']) {
    Bun.spawnSync(['umount', '--lazy', join(RUN, folder)], { stderr: 'ignore' })
  }
  rmSync(RUN, { recursive: true, force: true })
}

export function containerdPid(engine: Engine): number {
  return Number(readFileSync(join(RUN, 'engines', engine.name, 'containerd.pid'), 'utf8'))
}

export async function joinFar({ node, far, network }: World): Promise<void> {
  for (let triesLeft = 5; ; triesLeft -= 1) {
    try {
      return await joinNodes(node, far, network)
    } catch (error) {
      // A connection that was cut is let go of a little later.
      if (triesLeft === 0) throw error
      await Bun.sleep(500)
    }
  }
}

export async function nodeAnswers({ node }: World): Promise<boolean> {
  const url = `http://127.0.0.1:${node.port}/api/v0/version`
  return fetch(url, { method: 'POST', signal: AbortSignal.timeout(5000) }).then(
    () => true,
    () => false,
  )
}
