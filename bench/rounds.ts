/** The rounds of a benchmark: every contender in turn, each with a fresh repository, on an engine in a known state. */
import { CONTENDERS, type Contender, type Image, type Where } from './contenders.ts'
import { measure } from './measure.ts'
import {
  emptyEngine,
  type RepoSize,
  type RunningEngine,
  type RunningNode,
  removeNode,
  repoSize,
  startNode,
  stopNode,
} from './places.ts'
import type { Sample } from './results.ts'
import { archiveOf, nameOf, type Series, type Version } from './series.ts'
import { say } from './shell.ts'

export interface Bench {
  readonly engine: RunningEngine
  readonly contenders: readonly Contender[]
  readonly dockerConfig: string
  /** Path of the ipfs command. */
  readonly ipfs: string
  readonly add: (sample: Sample) => void
}

/** One round of one series. Who comes first changes from round to round. */
export async function playRound(bench: Bench, series: Series, round: number): Promise<void> {
  const turns = rotate(bench.contenders, round)
  const images = await loadVersions(bench, series)
  const saved = new Map<Contender, string[]>()
  for (const contender of turns) saved.set(contender, await saveAll(bench, { contender, series, round, images }))
  for (const contender of turns) await loadTwo(bench, { contender, series, round, images }, saved.get(contender) ?? [])
  for (const contender of turns) if (contender.usesNode) await removeNode(nodeName(contender))
}

interface Turn {
  readonly contender: Contender
  readonly series: Series
  readonly round: number
  readonly images: readonly LoadedImage[]
}

interface LoadedImage extends Image {
  /** JSON of its diffIDs. */
  readonly layers: string
}

/** Puts all versions of a series on the empty engine. */
async function loadVersions(bench: Bench, series: Series): Promise<LoadedImage[]> {
  const { engine } = bench
  await emptyEngine(engine)
  const images: LoadedImage[] = []
  for (const version of series.versions) {
    const name = nameOf(series, version)
    const answer = await engine.docker('load', '--quiet', '--input', archiveOf(series, version))
    const loaded = /Loaded image: (.+)/.exec(answer)?.[1]
    if (loaded === undefined) throw new Error(`docker load said: ${answer}`)
    if (loaded !== name) await engine.docker('tag', loaded, name)
    const [id = '', layers = ''] = (await engine.docker('image', 'inspect', '-f', INSPECT, name)).split(' ')
    images.push({ name, id, layers })
  }
  return images
}

const INSPECT = '{{.Id}} {{json .RootFS.Layers}}'

/** Saves every version into a fresh repository; gives what each save printed. */
async function saveAll(bench: Bench, turn: Turn): Promise<string[]> {
  const { contender, series, images } = turn
  const node = contender.usesNode ? await startNode(nodeName(contender), true) : undefined
  const saved: string[] = []
  for (const [at, version] of series.versions.entries()) {
    const before = await sizeOf(node)
    const line = contender.save(images[at] as LoadedImage, where(bench, node))
    const { cost, output } = await measure(line, watched(bench, node))
    const after = await sizeOf(node)
    saved.push(output)
    report(bench, turn, {
      ...cost,
      step: 'save',
      version: version.name,
      addedBytes: after.bytes - before.bytes,
      addedBlocks: after.blocks - before.blocks,
    })
  }
  if (node !== undefined) await stopNode(node.name)
  return saved
}

/** Loads the first version into the empty engine, then the second beside it. */
async function loadTwo(bench: Bench, turn: Turn, saved: readonly string[]): Promise<void> {
  const { contender, series, images } = turn
  await emptyEngine(bench.engine)
  const node = contender.usesNode ? await startNode(nodeName(contender), false) : undefined
  for (const [at, step] of (['load-cold', 'load-next'] as const).entries()) {
    const version = series.versions[at] as Version
    const line = contender.load(saved[at] ?? '', archiveOf(series, version), where(bench, node))
    const { cost, output } = await measure(line, watched(bench, node))
    await checkLoaded(bench, output, images[at] as LoadedImage)
    report(bench, turn, { ...cost, step, version: version.name, addedBytes: 0, addedBlocks: 0 })
  }
  if (node !== undefined) await stopNode(node.name)
}

/** A containerd store may give another ID than before; the layers must be the same in any case. */
async function checkLoaded(bench: Bench, output: string, image: LoadedImage): Promise<void> {
  const loaded = /Loaded image(?: ID)?: (\S+)/.exec(output)?.[1]
  if (loaded === undefined) throw new Error(`no image was loaded: ${output}`)
  const layers = (await bench.engine.docker('image', 'inspect', '-f', INSPECT, loaded)).split(' ')[1]
  if (layers !== image.layers) throw new Error(`${loaded} has other layers than ${image.name}`)
}

function report(
  bench: Bench,
  { contender, series, round }: Turn,
  rest: Omit<Sample, 'round' | 'series' | 'contender'>,
): void {
  bench.add({ round, series: series.key, contender: contender.key, ...rest })
  const cpu = [rest.clientCpu, rest.nodeCpu, rest.engineCpu].map((seconds) => seconds.toFixed(1)).join('+')
  const added = rest.step === 'save' ? `+${(rest.addedBytes / 1e6).toFixed(2)} MB, ${rest.addedBlocks} blocks` : ''
  const what = `${round} ${series.key} ${rest.step} ${rest.version} ${contender.key}`
  say(`${what}: ${rest.wall.toFixed(2)} s, CPU ${cpu} s, ${(rest.clientMemory / 1e6).toFixed(0)} MB  ${added}`)
}

function where(bench: Bench, node: RunningNode | undefined): Where {
  const api = node?.api ?? ''
  return { docker: `docker -H ${bench.engine.host}`, ipfs: `${bench.ipfs} --api ${api}`, api }
}

function watched(bench: Bench, node: RunningNode | undefined) {
  return { engine: bench.engine, nodePid: node?.pid, dockerConfig: bench.dockerConfig }
}

async function sizeOf(node: RunningNode | undefined): Promise<RepoSize> {
  return node === undefined ? { bytes: 0, blocks: 0 } : repoSize(node)
}

function nodeName(contender: Contender): string {
  return `bench-${contender.key}`
}

function rotate<T>(list: readonly T[], by: number): T[] {
  const at = by % list.length
  return [...list.slice(at), ...list.slice(0, at)]
}

/** The contenders of a list like "seed,docker-ipfs"; all when none is given. */
export function pickContenders(list: string | undefined): Contender[] {
  if (list === undefined) return [...CONTENDERS]
  return list.split(',').map((key) => {
    const found = CONTENDERS.find((contender) => contender.key === key)
    if (found === undefined) throw new Error(`no contender "${key}"`)
    return found
  })
}
