/**
 * Archives that are wrong in random ways, given to `save -i` in this process. Its blocks go nowhere.
 *
 *     bun bench/fuzz-archives.ts [--seconds 600] [--seed 1] [--only N] [--keep FOLDER] [FILE...]
 *
 * The archives of the unit tests and the layers of the format's vectors are the seeds; files that are named are seeds too. Flagged is
 * an error that is none of those expected (exit code 70), a case that takes more than 20 s, and one whose memory grows by more than
 * 1 GB. A case is made again with the same seeds and `--only`. What is flagged is kept in the folder.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { DockerIpfsError, type ErrorCode, messageOf } from '../src/errors.ts'
import type { ProgressEvent, Report } from '../src/events.ts'
import { type ImageInput, pipedInput } from '../src/image/input.ts'
import { archiveInput } from '../src/save/inputs/archive.ts'
import { knowNothing } from '../src/save/known.ts'
import { save } from '../src/save/save.ts'
import type { SaveTarget } from '../src/save/target.ts'
import { archive20, archiveOci, GOLDEN, imageOf } from '../test/support/images.ts'
import { ATTESTATION, forPlatform, Layout } from '../test/support/layouts.ts'
import { layerVectors, unxz } from '../test/support/vectors.ts'
import { MUTATIONS, Random } from './mutations.ts'
import { say } from './shell.ts'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '600' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    keep: { type: 'string', default: '/tmp/docker-ipfs-fuzz' },
  },
})

const EXPECTED: readonly ErrorCode[] = ['ARCHIVE_INVALID', 'INTEGRITY', 'PLATFORM_NOT_FOUND']
const MAX_MS = 20_000
const MAX_GROWTH = 1e9
/** Bytes of a layer from which on nobody wants the rest: a sparse file may have a terabyte of holes. */
const MAX_LAYER = 64e6
/** Bytes of a seed, or of a layer of a vector. */
const MAX_SEED = 300_000

const seeds = [...ownSeeds(), ...positionals.flatMap(seedsOf)]
const names = Object.keys(MUTATIONS)
const counts = new Map<string, number>()
const flagged: string[] = []
const most = { ms: 0, growth: 0 }
const until = performance.now() + 1000 * Number(flags.seconds)
let cases = 0
for (let at = Number(flags.only ?? 0); performance.now() < until; at += 1) {
  const random = new Random(Number(flags.seed) * 1e9 + at)
  const name = random.of(names)
  const bytes = MUTATIONS[name]?.(random.of(seeds), random, seeds) ?? Buffer.alloc(0)
  const told = await tried(bytes, random)
  cases += 1
  counts.set(told.outcome, (counts.get(told.outcome) ?? 0) + 1)
  most.ms = Math.max(most.ms, told.ms)
  most.growth = Math.max(most.growth, told.growth)
  if (told.fault !== undefined) {
    flagged.push(`case ${at} (${name}): ${told.fault}`)
    say(flagged.at(-1) as string)
    mkdirSync(flags.keep, { recursive: true })
    writeFileSync(join(flags.keep, `${flags.seed}-${at}.tar`), bytes)
  }
  if (flags.only !== undefined) break
}
say(`${cases} cases of ${seeds.length} seeds, seed ${flags.seed}`)
for (const [outcome, count] of [...counts].sort(([, a], [, b]) => b - a)) say(`${String(count).padStart(8)} ${outcome}`)
say(`slowest ${Math.round(most.ms)} ms, most memory ${Math.round(most.growth / 1e6)} MB, flagged ${flagged.length}`)
process.exit(flagged.length === 0 ? 0 : 1)

async function tried(bytes: Buffer, random: Random) {
  const [began, memory] = [performance.now(), process.memoryUsage.rss()]
  const stop = new AbortController()
  const late = setTimeout(() => stop.abort(new Error(`more than ${MAX_MS} ms`)), MAX_MS)
  let outcome = 'taken'
  let fault: string | undefined
  try {
    await Promise.race([saved(bytes, random, stop), endOf(stop.signal)])
  } catch (error) {
    outcome = error instanceof DockerIpfsError ? error.code : 'another error'
    const isExpected = error instanceof DockerIpfsError && (EXPECTED.includes(error.code) || error.code === 'CANCELLED')
    if (!isExpected) fault = `${outcome}: ${messageOf(error)} ${(error as Error).stack}`
  } finally {
    clearTimeout(late)
  }
  const [ms, growth] = [performance.now() - began, Math.max(0, process.memoryUsage.rss() - memory)]
  if (ms > MAX_MS) fault ??= `it took ${Math.round(ms)} ms`
  if (growth > MAX_GROWTH) fault ??= `it took ${Math.round(growth / 1e6)} MB`
  return { outcome, fault, ms, growth }
}

function endOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
}

/** As `save -i` does; of a file or a pipe, whole or one platform. */
async function saved(bytes: Buffer, random: Random, stop: AbortController): Promise<void> {
  const { signal } = stop
  const size = random.of([100, 5000, 1e6])
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
  }
  const file: ImageInput = { name: 'x.tar', again: true, entries: () => pipedInput(pieces(), signal).entries() }
  const input = archiveInput(random.next(2) === 0 ? file : pipedInput(pieces(), signal))
  const report = (event: ProgressEvent) => {
    if (event.type !== 'layer-progress' || event.bytesDone <= MAX_LAYER) return
    stop.abort(new DockerIpfsError('CANCELLED', 'a layer is large'))
  }
  await save(input, nowhere(report, signal), {
    platform: random.of([undefined, undefined, 'linux/amd64', 'linux/arm64']),
  })
}

/** Takes all blocks, and keeps none. */
function nowhere(report: Report, signal: AbortSignal): SaveTarget<void> {
  const traits = { forgets: false, givesHints: false }
  const sink = { put: async () => signal.throwIfAborted() }
  return {
    async take(images, write) {
      const opened = await images.open(await images.look(traits), traits)
      try {
        await write(opened, { sink, known: knowNothing(), over: signal, report, tellsMissing: false })
      } finally {
        opened.close()
      }
    },
  }
}

function seedsOf(path: string): Buffer[] {
  const bytes = readFileSync(path)
  if (bytes.length > MAX_SEED) return []
  const unpack = [gunzipSync, zstdDecompressSync].flatMap((unpack) => {
    try {
      return [unpack(bytes)]
    } catch {
      return []
    }
  })
  return [bytes, ...unpack].filter(({ length }) => length > 0 && length <= MAX_SEED)
}

function ownSeeds(): Buffer[] {
  const layers = layerVectors()
    .filter(({ tarSize }) => tarSize < MAX_SEED / 3)
    .map(({ tarXzBase64 }) => unxz(tarXzBase64))
  const images = [GOLDEN.tiny(), GOLDEN.strange(), ...layers.map((layer) => imageOf([layer]))]
  const layout = new Layout()
  const platform = (architecture: string) => ({ platform: { os: 'linux', architecture } })
  const index = layout.index([
    layout.image(GOLDEN.tiny(), platform('amd64')),
    layout.image(forPlatform(GOLDEN.tiny(), 'arm64'), platform('arm64')),
    layout.image(GOLDEN.strange(), ATTESTATION),
  ])
  const forms = images.map((image, at) => {
    if (at % 3 === 0) return archive20(image)
    return archiveOci(image, at % 3 === 1 ? 'plain' : 'gzip')
  })
  return [layout.tar([index]), ...forms]
}
