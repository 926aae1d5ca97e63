import { realpathSync } from 'node:fs'
import { basename } from 'node:path'
import metadata from '../../plugin-metadata.json' with { type: 'json' }
import type { Engine } from '../docker/engine.ts'
import type { Patient } from '../doctor/doctor.ts'
import { DockerIpfsError } from '../errors.ts'
import type { Node } from '../kubo/node.ts'
import { formatBytes } from '../output/format.ts'
import { createOutput } from '../output/output.ts'
import { createProgress } from '../output/progress.ts'
import type { Progress } from '../output/progress-lines.ts'
import type { Report } from '../transfer/events.ts'
import type { CommandContext, Parts } from './command.ts'
import type { Sources } from './complete.ts'
import type { FlagsOf, GatewayOptions } from './options.ts'
import type { Defaults } from './parse.ts'
import { PLUGIN_NAME } from './plugin.ts'
import { inEffect, nodeSettings, readSettings, SETTINGS, type Settings } from './settings.ts'

/** What the environment says. Read here and nowhere else. */
export interface Environment {
  readonly all: NodeJS.ProcessEnv
  /** The docker command to start: the one that started us, else the one on PATH. */
  readonly docker: string
  /** Address of docker's plugin socket. */
  readonly pluginSocket: string | undefined
  readonly completionDescriptions: boolean
  readonly settings: Settings
  /** What flags are that are not given. */
  readonly defaults: Defaults
  /** What docker is started with: no secret of ours is in it. */
  readonly forDocker: NodeJS.ProcessEnv
}

/** `dockerGlobals`: docker's own flags, of which --config counts. */
export function readEnvironment(
  dockerGlobals: readonly string[] = [],
  env: NodeJS.ProcessEnv = process.env,
): Environment {
  const at = dockerGlobals.lastIndexOf('--config')
  const settings = readSettings({ env, configFolder: at < 0 ? undefined : dockerGlobals[at + 1] })
  const ours = Object.values(SETTINGS).map((setting) => setting.env as string)
  return {
    all: env,
    docker: dockerCommand(env['DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND']),
    pluginSocket: env['DOCKER_CLI_PLUGIN_SOCKET'],
    completionDescriptions: env['DOCKER_CLI_DISABLE_COMPLETION_DESCRIPTION'] === undefined,
    settings,
    defaults: { progress: settings.values.progress?.text },
    forDocker: Object.fromEntries(Object.entries(env).filter(([name]) => !ours.includes(name))),
  }
}

/** In completion docker names the plugin itself here: starting that would fork for ever. */
function dockerCommand(original: string | undefined): string {
  if (original === undefined || original === '' || original === process.execPath) return 'docker'
  return basename(original).startsWith('docker-ipfs') ? 'docker' : original
}

export interface ContextOptions {
  readonly environment: Environment
  readonly dockerGlobals: readonly string[]
  readonly signal: AbortSignal
}

function pipe(times: number): () => AsyncIterable<Uint8Array> {
  if (times > 1) throw new DockerIpfsError('USAGE', 'the standard input can be read only once')
  // docker's words.
  if (times > 0 && process.stdin.isTTY) {
    throw new DockerIpfsError('USAGE', 'requested load from stdin, but stdin is empty')
  }
  return () => process.stdin as AsyncIterable<Uint8Array>
}

/** How long a shell waits for candidates, in milliseconds: longer than engine and node take, shorter than patience. */
const COMPLETION_MS = 1000

/** What completion asks engine and node. It starts neither, and whoever is late or not there has nothing to say. */
export function createSources(environment: Environment): Sources {
  const signal = AbortSignal.timeout(COMPLETION_MS)
  const late = new Promise<never[]>((resolve) => {
    signal.addEventListener('abort', () => resolve([]))
  })
  const soon = <T>(ask: () => Promise<readonly T[]>) => Promise.race([ask().catch(() => []), late])
  return {
    images: () =>
      soon(async () => {
        const engine = await makeEngine(environment, [])
        return (await engine.imageNames(signal)).map(({ name, text }) => ({ value: name, text }))
      }),
    kept: (api) =>
      soon(async () => {
        const [{ kept }, node] = await Promise.all([import('../names/kept.ts'), makeNode(environment, api)])
        return kept({ node, signal })
      }),
  }
}

// Adapters are loaded on demand: `--help` and mistakes on the command line need none of them.
async function makeEngine(environment: Environment, globals: readonly string[]): Promise<Engine> {
  const { createEngine } = await import('../docker/engine.ts')
  return createEngine({ docker: environment.docker, globals, env: environment.forDocker })
}

async function makeNode({ settings, all }: Environment, api: string | undefined): Promise<Node> {
  const [{ readAccess }, { findNode }, { createNode }] = await Promise.all([
    import('../kubo/access.ts'),
    import('../kubo/endpoint.ts'),
    import('../kubo/node.ts'),
  ])
  const said = nodeSettings(settings, api)
  return createNode(await findNode({ api: said.api, env: all, access: await readAccess(said) }))
}

/** The composition root: the only place that makes adapters. `close` takes progress bars off the terminal. */
export function createContext(options: ContextOptions): CommandContext & { readonly close: () => void } {
  const { environment, dockerGlobals, signal } = options
  let progress: Progress | undefined
  const close = () => progress?.clear()
  return {
    output: createOutput(process.stdout, close),
    close,
    async openImages(path) {
      const { openInput, pipedInput } = await import('../image/input.ts')
      if (path !== '-') return openInput(path, signal)
      return pipedInput(pipe(1)(), signal)
    },
    pipe,
    async connect(flags) {
      const mode = flags.quiet ? 'quiet' : flags.progress
      const dumb = environment.all['TERM'] === 'dumb'
      progress = await createProgress(mode, process.stderr, { dumb })
      for (const { text } of environment.settings.faults) progress.report({ type: 'warning', text })
      const { report } = progress
      const [engine, node, gateways] = await Promise.all([
        makeEngine(environment, dockerGlobals),
        makeNode(environment, flags.api),
        openGateways(flags, environment, report),
      ])
      return { engine, node, ...gateways, report, signal }
    },
    patient: (api) => openPatient(api, options),
  }
}

/** Part of the time limit that gateways have, so that their error is there before that of whoever waits for them. */
const GATEWAY_PART = 0.8

async function openGateways(
  { gateway, timeout }: Partial<FlagsOf<GatewayOptions>>,
  { settings }: Environment,
  report: Report,
): Promise<Pick<Parts, 'gateways'>> {
  if (gateway === undefined || timeout === undefined) return {}
  const [{ findGateways }, { createGateways }] = await Promise.all([
    import('../gateway/address.ts'),
    import('../gateway/gateways.ts'),
  ])
  const urls = findGateways(gateway, settings.values.gateways)
  if (urls.length === 0) return {}
  const warn = (text: string) => report({ type: 'warning', text })
  return { gateways: createGateways({ urls, timeoutMs: GATEWAY_PART * timeout, warn }) }
}

/** What the doctor looks at. Nothing is connected yet. */
async function openPatient(
  api: string | undefined,
  { environment, dockerGlobals, signal }: ContextOptions,
): Promise<Patient> {
  const [{ createEngine }, { pluginVersion }, { isOpenToOthers, readAccess }, { findNode }, { createHealth }] =
    await Promise.all([
      import('../docker/engine.ts'),
      import('../docker/plugins.ts'),
      import('../kubo/access.ts'),
      import('../kubo/endpoint.ts'),
      import('../kubo/health.ts'),
    ])
  const { settings, forDocker: env } = environment
  const engine = createEngine({ docker: environment.docker, globals: dockerGlobals, env })
  const said = nodeSettings(settings, api)
  return {
    engine,
    async openNode() {
      const access = await readAccess(said)
      return createHealth(await findNode({ api: said.api, env: environment.all, access }))
    },
    openOther: async () => createHealth(await findNode({ env: environment.all })),
    plugins: {
      own: { version: metadata.Version, path: process.execPath },
      installed: (signal) => engine.plugin(PLUGIN_NAME, signal),
      versionOf: (path, signal) => pluginVersion(path, env, signal),
      realPath: (path) => realpathSync(path),
    },
    config: {
      file: settings.file,
      faults: settings.faults,
      inEffect: inEffect(settings),
      openSecrets: said.authFile !== undefined && isOpenToOthers(said.authFile.text) ? [said.authFile.text] : [],
    },
    format: formatBytes,
    signal,
  }
}
