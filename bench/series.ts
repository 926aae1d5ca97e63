/** The image series that are measured: what they are made of and where they lie once they are made. */
import { homedir } from 'node:os'
import { join } from 'node:path'

/** A version of a series: the files of its build context that are its own, by path. */
export interface Version {
  readonly name: string
  readonly files: Readonly<Record<string, string>>
}

export interface Series {
  readonly key: string
  readonly title: string
  /** Folder below bench/series; undefined where nothing is built. */
  readonly folder: string | undefined
  /** Build every layer anew, as `docker build --no-cache` does. */
  readonly noCache: boolean
  /** Its later versions are the first one under other names. */
  readonly retagged: boolean
  readonly versions: readonly Version[]
}

/** Everything of the series; a change of the recipes needs a new number. */
export const SERIES_HOME: string = join(
  process.env['DOCKER_IPFS_CACHE'] || join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'docker-ipfs'),
  'bench-series-v1',
)

/** What `docker save` gave for a version when it was built. */
export function archiveOf(series: Series, version: Version): string {
  return series.retagged
    ? join(SERIES_HOME, 'archives', 'a-v1.tar')
    : join(SERIES_HOME, 'archives', `${series.key}-${version.name}.tar`)
}

/** The name of a version on the engine. */
export function nameOf(series: Series, version: Version): string {
  return `docker-ipfs-bench/${series.key}:${version.name}`
}

export const BASE_NAME = 'docker-ipfs-bench/base:latest'

const NODE_FIRST = {
  axios: '1.15.0',
  commander: '14.0.1',
  'date-fns': '4.2.0',
  eslint: '10.9.0',
  express: '4.22.0',
  fastify: '5.12.4',
  jest: '29.6.3',
  lodash: '4.17.20',
  mongoose: '9.11.0',
  pg: '8.23.0',
  react: '19.2.5',
  'react-dom': '19.2.5',
  rxjs: '7.8.1',
  sequelize: '6.37.4',
  'socket.io': '4.8.1',
  typescript: '5.9.2',
  uuid: '14.0.0',
  webpack: '5.110.0',
  winston: '3.18.1',
  zod: '4.6.1',
}

/** What goes up one patch version, release by release. */
const NODE_STEPS: readonly Readonly<Record<string, string>>[] = [
  {},
  { express: '4.22.1', lodash: '4.17.21', zod: '4.6.2' },
  { axios: '1.15.1', fastify: '5.12.5', typescript: '5.9.3' },
  { react: '19.2.6', 'react-dom': '19.2.6', sequelize: '6.37.5', webpack: '5.110.1' },
  { 'date-fns': '4.2.1', jest: '29.6.4', mongoose: '9.11.1' },
]

const PYTHON_FIRST = {
  flask: '3.1.0',
  numpy: '2.2.6',
  pandas: '2.3.2',
  pydantic: '2.12.3',
  requests: '2.32.4',
  sqlalchemy: '2.0.56',
}

const PYTHON_STEPS: readonly Readonly<Record<string, string>>[] = [{}, { sqlalchemy: '2.0.57' }, { pandas: '2.3.3' }]

function packageJson(dependencies: Readonly<Record<string, string>>): string {
  return `${JSON.stringify({ name: 'app', version: '1.0.0', private: true, dependencies }, null, 2)}\n`
}

function requirements(packages: Readonly<Record<string, string>>): string {
  return Object.entries(packages)
    .map(([name, version]) => `${name}==${version}\n`)
    .join('')
}

/** One set of pins per version: the steps up to it, each over the ones before. */
function releases(
  first: Readonly<Record<string, string>>,
  steps: readonly Readonly<Record<string, string>>[],
): Readonly<Record<string, string>>[] {
  let pins = first
  return steps.map((step) => {
    pins = { ...pins, ...step }
    return pins
  })
}

function versions(files: readonly Readonly<Record<string, string>>[]): Version[] {
  return files.map((own, at) => ({ name: `v${at + 1}`, files: own }))
}

export const SERIES: readonly Series[] = [
  {
    key: 'a',
    title: 'Debian, apt and pip packages, an app; rebuilt with --no-cache after one byte changed early on',
    folder: 'python-rebuild',
    noCache: true,
    retagged: false,
    versions: versions([{ 'app.conf': 'version=1\n' }, { 'app.conf': 'version=2\n' }]),
  },
  {
    key: 'b',
    title: 'a Node.js app; three or four of its 20 dependencies a patch version up in each release',
    folder: 'node-app',
    noCache: false,
    retagged: false,
    versions: versions(releases(NODE_FIRST, NODE_STEPS).map((pins) => ({ 'package.json': packageJson(pins) }))),
  },
  {
    key: 'c',
    title: 'a Python app; one package a patch version up in each release',
    folder: 'python-app',
    noCache: false,
    retagged: false,
    versions: versions(
      releases(PYTHON_FIRST, PYTHON_STEPS).map((pins) => ({ 'requirements.txt': requirements(pins) })),
    ),
  },
  {
    key: 'd',
    title: 'a release that changes only the last, small layer',
    folder: 'last-layer',
    noCache: false,
    retagged: false,
    versions: versions([{ 'app/version.py': 'VERSION = 1\n' }, { 'app/version.py': 'VERSION = 2\n' }]),
  },
  {
    key: 'e',
    title: 'the same image under another name',
    folder: undefined,
    noCache: false,
    retagged: true,
    versions: versions([{}, {}]),
  },
]

/** The series of a list like "a,c"; all when none is given. */
export function pickSeries(list: string | undefined): Series[] {
  if (list === undefined) return [...SERIES]
  return list.split(',').map((key) => {
    const found = SERIES.find((series) => series.key === key)
    if (found === undefined) throw new Error(`no series "${key}"; there are ${SERIES.map((one) => one.key).join(', ')}`)
    return found
  })
}
