/** What a benchmark run leaves behind. */
import { cpus, release, totalmem } from 'node:os'
import type { Bound } from './bound.ts'
import type { Cost } from './measure.ts'
import { run } from './shell.ts'

/** One command that was measured once. */
export interface Sample extends Cost {
  readonly round: number
  readonly series: string
  readonly contender: string
  readonly step: 'save' | 'load-cold' | 'load-next'
  readonly version: string
  /** What a save added to the repository. */
  readonly addedBytes: number
  readonly addedBlocks: number
}

export interface SeriesFacts {
  readonly key: string
  readonly title: string
  readonly versions: readonly string[]
  /** Bytes of the layer tars of each version. */
  readonly layerBytes: readonly number[]
  readonly bound: readonly Bound[]
}

export interface Results {
  readonly date: string
  readonly engine: string
  readonly rounds: number
  readonly machine: Readonly<Record<string, string | number>>
  readonly software: Readonly<Record<string, string>>
  readonly contenders: readonly { readonly key: string; readonly title: string }[]
  readonly series: readonly SeriesFacts[]
  readonly samples: Sample[]
}

/** One row of a table: the medians over all rounds. */
export type Medians = Omit<Sample, 'round'> & { readonly rounds: number }

const NUMBERS = [
  'wall',
  'clientCpu',
  'nodeCpu',
  'engineCpu',
  'clientMemory',
  'clientMemoryTogether',
  'addedBytes',
  'addedBlocks',
] as const

/** The median of every figure over the rounds, for every command. */
export function medians(samples: readonly Sample[]): Medians[] {
  const groups = new Map<string, Sample[]>()
  for (const sample of samples) {
    const key = [sample.series, sample.step, sample.version, sample.contender].join(' ')
    groups.set(key, [...(groups.get(key) ?? []), sample])
  }
  return [...groups.values()].map((group) => {
    const { round: _round, ...first } = group[0] as Sample
    const figures = NUMBERS.map((name) => [name, median(group.map((sample) => sample[name]))] as const)
    return { ...first, ...Object.fromEntries(figures), rounds: group.length }
  })
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const at = (index: number): number => sorted[index] as number
  return Number.isInteger(middle) ? (at(middle - 1) + at(middle)) / 2 : at(Math.floor(middle))
}

export async function describeMachine(): Promise<Record<string, string | number>> {
  const osRelease = await Bun.file('/etc/os-release').text()
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGB: Number((totalmem() / 1e9).toFixed(1)),
    os: /^PRETTY_NAME="(.*)"$/m.exec(osRelease)?.[1] ?? 'unknown',
    kernel: release(),
  }
}

/** The storage driver; a containerd store has a driver-type beside it. */
const STORE = '{{.Driver}}{{range .DriverStatus}}{{if eq (index . 0) "driver-type"}} {{index . 1}}{{end}}{{end}}'

export async function describeSoftware(
  docker: (...args: string[]) => Promise<string>,
): Promise<Record<string, string>> {
  const ipfs = await run(['scripts/kubo'])
  return {
    'docker-ipfs': await run(['git', 'describe', '--always', '--dirty']),
    engine: await docker('version', '--format', '{{.Server.Version}}'),
    store: await docker('info', '--format', STORE),
    docker: await docker('version', '--format', '{{.Client.Version}}'),
    kubo: await run([ipfs, 'version', '--number']),
    bun: Bun.version,
  }
}
