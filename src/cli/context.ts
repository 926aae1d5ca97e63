import { realpathSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import metadata from '../../plugin-metadata.json' with { type: 'json' }
import type { Patient } from '../doctor/doctor.ts'
import type { Docker } from '../engine/docker/command.ts'
import { configFile } from '../engine/docker/config-file.ts'
import type { Engine } from '../engine/engine.ts'
import { DockerIpfsError, messageOf } from '../errors.ts'
import type { Report } from '../events.ts'
import type { AddressOptions } from '../managed/address.ts'
import type { ManagedNode } from '../managed/node.ts'
import { createOutput } from '../output/output.ts'
import { createProgress, type ProgressMode } from '../output/progress.ts'
import type { Progress } from '../output/progress-lines.ts'
import type { Endpoint } from '../store/kubo/endpoint.ts'
import { formatBytes, shortDigest } from '../units.ts'
import type { CommandContext, Parts } from './command.ts'
import type { Sources } from './complete.ts'
import type { FlagsOf, GatewayOptions } from './options.ts'
import type { Defaults } from './parse.ts'
import { PLUGIN_NAME } from './plugin.ts'
import { inEffect, NODE_CHOICES, nodeSettings, readSettings, SETTINGS, type Settings } from './settings.ts'

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
  const file = configFile({ env, folder: at < 0 ? undefined : dockerGlobals[at + 1] })
  const settings = readSettings({ env, file })
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
  /** The command may start a node where none answers. */
  readonly startsNode: boolean
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
        const { engine } = await openDocker(environment, [])
        return (await engine.images(signal)).flatMap(({ names, id, bytes }) =>
          names.map((name) => ({ value: name, text: `${shortDigest(id)}, ${formatBytes(bytes)}` })),
        )
      }),
    kept: (api) =>
      soon(async () => {
        const [{ kept }, { Catalogue }, { createNode }, { managed }] = await Promise.all([
          import('../catalogue/kept.ts'),
          import('../catalogue/catalogue.ts'),
          import('../store/kubo/node.ts'),
          openDocker(environment, []),
        ])
        const options = { managed, mayStart: false, say: () => {}, warn: () => {}, signal }
        const endpoint = await findEndpoint(nodeSettings(environment.settings, api), environment, options)
        return kept({ catalogue: new Catalogue(createNode(endpoint).folder), signal })
      }),
  }
}

/** The composition root: the only place that makes adapters. `close` takes progress bars off the terminal. */
export function createContext(options: ContextOptions): CommandContext & { readonly close: () => void } {
  const { environment, dockerGlobals, signal, startsNode } = options
  const { all: env, settings } = environment
  let progress: Progress | undefined
  const reporter = async (mode: ProgressMode) => {
    progress = await createProgress(mode, process.stderr, { dumb: env['TERM'] === 'dumb' })
    for (const { text } of settings.faults) progress.report({ type: 'warning', text })
    return progress.report
  }
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
    async connect(flags, image) {
      // Adapters are loaded on demand: `--help` and mistakes on the command line need none of them.
      const [report, { engine, managed }] = await Promise.all([
        reporter(flags.quiet ? 'quiet' : flags.progress),
        openDocker(environment, dockerGlobals),
      ])
      const gateways = await openGateways(flags, environment, report)
      const found = image === undefined ? undefined : engine.inspect(image, signal)
      // What is wrong is told when somebody waits for it.
      found?.catch(() => undefined)
      const endpoint = await findEndpoint(nodeSettings(settings, flags.api), environment, {
        managed,
        mayStart: startsNode && gateways.gateways === undefined,
        say: (text) => report({ type: 'step', text }),
        warn: (text) => report({ type: 'warning', text }),
        signal,
      }).catch(async (error: unknown) => {
        // No docker is left behind.
        await found?.catch(() => undefined)
        throw error
      })
      return {
        engine,
        ...(await openNode(endpoint)),
        ...gateways,
        report,
        signal,
        ...(found === undefined ? {} : { found }),
      }
    },
    async ownNode() {
      const [{ managed }, report] = await Promise.all([openDocker(environment, dockerGlobals), reporter('auto')])
      return { managed, report, signal }
    },
    async readFile(path) {
      try {
        return await readFile(path, 'utf8')
      } catch (cause) {
        throw new DockerIpfsError('FILE_FAILED', `cannot read ${path}: ${messageOf(cause)}`, { cause })
      }
    },
    patient: (api) => patientOf(api, options),
  }
}

/** A node's ports, and what stands in its folder. */
async function openNode(endpoint: Endpoint) {
  const [{ createNode }, { Catalogue }, { Publications }] = await Promise.all([
    import('../store/kubo/node.ts'),
    import('../catalogue/catalogue.ts'),
    import('../catalogue/publications.ts'),
  ])
  const node = createNode(endpoint)
  const { blocks, pins, traffic, routing, naming, folder } = node
  const catalogue = new Catalogue(folder)
  return { node, blocks, pins, traffic, routing, naming, catalogue, publications: new Publications(folder) }
}

/** What `doctor` looks at. */
async function patientOf(
  api: string | undefined,
  { environment, dockerGlobals, signal }: ContextOptions,
): Promise<Patient> {
  const [{ installedPlugin, pluginVersion }, { isOpenToOthers }, { createHealth }, { docker, engine, managed }] =
    await Promise.all([
      import('../engine/docker/plugins.ts'),
      import('../store/kubo/access.ts'),
      import('../store/kubo/health.ts'),
      openDocker(environment, dockerGlobals),
    ])
  const { settings, forDocker: env } = environment
  const said = nodeSettings(settings, api)
  const options = { managed, mayStart: false, say: () => {}, warn: () => {}, signal }
  return {
    engine,
    openNode: async () => createHealth(await findEndpoint(said, environment, options)),
    openOther: async () => createHealth(await findEndpoint({}, environment, options)),
    plugins: {
      own: { version: metadata.Version, path: process.execPath },
      installed: (signal) => installedPlugin(docker, PLUGIN_NAME, signal),
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

/** The node that the user named, or that answers, or that docker-ipfs runs by itself. */
async function findEndpoint(
  said: Settings['values'],
  { all: env }: Environment,
  options: Omit<AddressOptions, 'found' | 'isNamed'>,
): Promise<Endpoint> {
  const [{ readAccess }, { findNode }, { addressOf }] = await Promise.all([
    import('../store/kubo/access.ts'),
    import('../store/kubo/endpoint.ts'),
    import('../managed/address.ts'),
  ])
  const found = await findNode({ api: said.api, env, access: await readAccess(said) })
  return addressOf({ ...options, found, isNamed: said.api !== undefined })
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
    import('../store/gateway/address.ts'),
    import('../store/gateway/gateways.ts'),
  ])
  const urls = findGateways(gateway, settings.values.gateways)
  if (urls.length === 0) return {}
  const warn = (text: string) => report({ type: 'warning', text })
  return { gateways: createGateways({ urls, timeoutMs: GATEWAY_PART * timeout, warn }) }
}

/** The engine, and the node that docker-ipfs runs by itself: in a container of it, or with the `ipfs` on PATH. */
async function openDocker(
  { all: env, docker: command, forDocker, settings }: Environment,
  globals: readonly string[],
): Promise<{ readonly docker: Docker; readonly engine: Engine; readonly managed: ManagedNode }> {
  const [{ createDocker }, { createEngine }, { createManagedNode }, { createBinaryHost }, { createContainerHost }] =
    await Promise.all([
      import('../engine/docker/command.ts'),
      import('../engine/docker/engine.ts'),
      import('../managed/node.ts'),
      import('../managed/binary.ts'),
      import('../managed/container.ts'),
    ])
  const options = { docker: command, globals, env: forDocker }
  const docker = createDocker(options)
  const data = env['XDG_DATA_HOME'] || join(env['HOME'] ?? homedir(), '.local', 'share')
  const ipfs = Bun.which('ipfs', { PATH: env['PATH'] ?? '' }) ?? undefined
  const binary = createBinaryHost({ ipfs, folder: join(data, 'docker-ipfs', 'node'), env: forDocker })
  const choice = NODE_CHOICES.find((candidate) => candidate === settings.values.node?.text)
  return {
    docker,
    engine: createEngine(docker, { ...options, configFile: settings.file }),
    managed: createManagedNode([createContainerHost(docker), binary], choice),
  }
}
