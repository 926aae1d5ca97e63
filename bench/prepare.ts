/**
 * Builds the image series and keeps each version as the archive that `docker save` gives. What exists is left alone;
 * a series is made as a whole, so that its versions share the layers that they would share in daily use.
 */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { removeEngine, startEngine } from './places.ts'
import { archiveOf, BASE_NAME, nameOf, SERIES, SERIES_HOME, type Series, type Version } from './series.ts'
import { ROOT, run, say } from './shell.ts'

const BUILDER = 'docker26'
const NODE_VERSION = '24.21.0'
const NPM_VERSION = '11.21.2'
const CA_CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt'

/** Makes sure of the archives of these series. */
export async function prepare(wanted: readonly Series[]): Promise<void> {
  mkdirSync(join(SERIES_HOME, 'archives'), { recursive: true })
  const missing = withNeeds(wanted).filter((series) => !isComplete(series))
  if (missing.length === 0) return
  const { docker } = await startEngine(BUILDER)
  try {
    await importBase(docker)
    for (const series of missing) await makeSeries(series, docker)
  } finally {
    await removeEngine(BUILDER)
  }
}

type Docker = (...args: string[]) => Promise<string>

/** Series d stands on an image of series a, e is one. */
function withNeeds(wanted: readonly Series[]): Series[] {
  const keys = new Set(wanted.map((series) => series.key))
  if (keys.has('d') || keys.has('e')) keys.add('a')
  return SERIES.filter((series) => keys.has(series.key) && !series.retagged)
}

function isComplete(series: Series): boolean {
  return series.versions.every((version) => existsSync(archiveOf(series, version)))
}

async function importBase(docker: Docker): Promise<void> {
  say('base image')
  const tar = await run(['bench/base', join(SERIES_HOME, 'base')])
  await docker('import', tar, BASE_NAME)
}

async function makeSeries(series: Series, docker: Docker): Promise<void> {
  if (series.folder === 'last-layer') await loadFirst(docker)
  const locks = mkdtempSync(join(tmpdir(), 'docker-ipfs-bench-'))
  const made: [string, string][] = []
  for (const version of series.versions) {
    const context = mkdtempSync(join(tmpdir(), 'docker-ipfs-bench-'))
    try {
      await fillContext(context, { series, version, locks })
      const started = performance.now()
      const name = nameOf(series, version)
      await docker(
        'build',
        '--network',
        'host',
        '--quiet',
        ...(series.noCache ? ['--no-cache'] : []),
        '-t',
        name,
        context,
      )
      const temporary = `${archiveOf(series, version)}.tmp`
      await docker('save', '-o', temporary, name)
      made.push([temporary, archiveOf(series, version)])
      say(`${name} built and saved in ${((performance.now() - started) / 1000).toFixed(0)} s`)
    } finally {
      rmSync(context, { recursive: true, force: true })
    }
  }
  rmSync(locks, { recursive: true, force: true })
  for (const [temporary, archive] of made) renameSync(temporary, archive)
}

/** The image that series d is built on. */
async function loadFirst(docker: Docker): Promise<void> {
  const first = SERIES[0] as Series
  await docker('load', '-q', '-i', archiveOf(first, first.versions[0] as Version))
}

interface ContextParts {
  readonly series: Series
  readonly version: Version
  /** Keeps package-lock.json from version to version. */
  readonly locks: string
}

async function fillContext(context: string, { series, version, locks }: ContextParts): Promise<void> {
  const recipes = join(ROOT, 'bench', 'series')
  cpSync(join(recipes, series.folder as string), context, { recursive: true })
  copyFileSync(join(recipes, 'docker-clean'), join(context, 'docker-clean'))
  // A company's network may have certificates of its own.
  copyFileSync(CA_CERTIFICATES, join(context, 'host-ca.crt'))
  for (const [path, text] of Object.entries(version.files)) {
    mkdirSync(dirname(join(context, path)), { recursive: true })
    writeFileSync(join(context, path), text)
  }
  if (series.folder !== 'node-app') return
  await addLock(context, locks)
  copyFileSync(await packed(`node-linux-${process.arch}`, NODE_VERSION), join(context, 'node.tgz'))
  copyFileSync(await packed('npm', NPM_VERSION), join(context, 'npm.tgz'))
}

/** package-lock.json as npm makes it from the one before: only what package.json asks for moves. */
async function addLock(context: string, locks: string): Promise<void> {
  copyFileSync(join(context, 'package.json'), join(locks, 'package.json'))
  await run(
    [
      'npm',
      'install',
      '--package-lock-only',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--omit-lockfile-registry-resolved',
    ],
    { cwd: locks },
  )
  copyFileSync(join(locks, 'package-lock.json'), join(context, 'package-lock.json'))
}

/** A package of the npm registry as its tarball. */
async function packed(name: string, version: string): Promise<string> {
  const folder = join(SERIES_HOME, 'packages')
  const path = join(folder, `${name}-${version}.tgz`)
  if (existsSync(path)) return path
  mkdirSync(folder, { recursive: true })
  const answer = await run(['npm', 'pack', '--json', `${name}@${version}`], { cwd: folder })
  const [{ filename }] = JSON.parse(answer) as [{ filename: string }]
  if (readFileSync(join(folder, filename)).length === 0) throw new Error(`${filename} is empty`)
  if (filename !== `${name}-${version}.tgz`) renameSync(join(folder, filename), path)
  return path
}
