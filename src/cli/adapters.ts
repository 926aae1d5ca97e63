import { dirname, join, resolve } from 'node:path'
import type { Remote, Remotes } from '../copies/remotes/remotes.ts'
import type { Registry } from '../distribution/registry.ts'
import type { Plugins } from '../doctor/plugin.ts'
import type { Door } from '../door/door.ts'
import type { Docker } from '../engine/docker/command.ts'
import type { DockerTerminal } from '../engine/docker/terminal.ts'
import type { Engine } from '../engine/engine.ts'
import { DockerIpfsError } from '../errors.ts'
import { homeOf } from '../home.ts'
import type { ImageInput } from '../image/input.ts'
import type { AddressOptions } from '../managed/address.ts'
import type { ManagedNode } from '../managed/node.ts'
import type { Gateways } from '../store/gateways.ts'
import type { Endpoint } from '../store/kubo/endpoint.ts'
import type { NodeHealth } from '../store/kubo/health/health.ts'
import type { CommandContext, CommandPorts, RegistryChoices } from './command.ts'
import type { Environment } from './environment.ts'
import type { FlagsOf, GatewayOptions } from './options.ts'
import { PLUGIN_NAME } from './plugin.ts'
import { NODE_CHOICES, SETTINGS, type SettingName, type Settings } from './settings.ts'

// The only place that makes adapters, or that names what is behind the ports. Each is loaded when it is asked for: `--help`
// and mistakes on the command line need none of them.

/** The docker command, and what is reached through it. */
export interface DockerAdapters {
  readonly docker: Docker
  readonly engine: Engine
  /** The node that docker-ipfs runs by itself: in a container of the engine, or with the `ipfs` on PATH. */
  readonly managed: ManagedNode
}

/** `globals`: docker's own flags, which each docker command is given. */
export async function openDocker(
  { all: env, docker: command, forDocker, settings }: Environment,
  globals: readonly string[],
): Promise<DockerAdapters> {
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
  const ipfs = Bun.which('ipfs', { PATH: env['PATH'] ?? '' }) ?? undefined
  const binary = createBinaryHost({ ipfs, folder: nodeFolder(env), env: forDocker })
  const choice = NODE_CHOICES.find((candidate) => candidate === settings.values.node?.text)
  return {
    docker,
    engine: createEngine(docker, { ...options, configFile: settings.file }),
    managed: createManagedNode([createContainerHost(docker), binary], choice),
  }
}

/** docker with our terminal. */
export async function openTerminal(
  { docker, forDocker: env }: Environment,
  globals: readonly string[],
): Promise<DockerTerminal> {
  const { createDockerTerminal } = await import('../engine/docker/terminal.ts')
  const isTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY)
  return createDockerTerminal({ docker, globals, env }, isTerminal)
}

/** Where a node of our own is that runs as a process. */
function nodeFolder(env: Environment['all']): string {
  return dataFolder(env, 'node')
}

/** Where the front door is written down. */
export function doorFolder({ all: env }: Environment): string {
  return dataFolder(env, 'registry')
}

function dataFolder(env: Environment['all'], name: string): string {
  return join(env['XDG_DATA_HOME'] || join(homeOf(env), '.local', 'share'), 'docker-ipfs', name)
}

/** The front door as a process of this very program. It works somewhere else than we do: paths are made whole. */
export async function openDoor(environment: Environment, globals: readonly string[]): Promise<Door> {
  const { createDoor } = await import('../door/door.ts')
  // docker closes this when we end, which would end the door.
  const { DOCKER_CLI_PLUGIN_SOCKET: _, ...env } = environment.forDocker
  return createDoor({
    program: process.execPath,
    globals: globals.map((word, at) => (globals[at - 1] === '--config' ? resolve(word) : word)),
    env,
    handed: handedOver(environment.settings),
    folder: doorFolder(environment),
  })
}

const PATHS: readonly SettingName[] = ['authFile', 'ca']

/** What the environment says. What config.json says, the door reads there. */
function handedOver({ values }: Settings): Record<string, string> {
  const said = (Object.keys(SETTINGS) as SettingName[]).flatMap((name) => {
    const value = values[name]
    if (value === undefined || value.inFile) return []
    return [[SETTINGS[name].env, PATHS.includes(name) ? resolve(value.text) : value.text] as const]
  })
  return Object.fromEntries(said)
}

/** The images of a node as a registry, one that can be pushed to unless it is said otherwise. */
export async function openRegistry(ports: CommandPorts, options: RegistryChoices): Promise<Registry> {
  const { createFrontDoor } = await import('../registry/front-door.ts')
  const { writer, ...read } = createFrontDoor({ ...ports, ...options })
  return options.isReadOnly || writer === undefined ? read : { ...read, writer }
}

/** Other places for images. They are written down beside docker's config.json, whose plugins may have texts only. */
export async function openRemotes({ all: env, settings }: Environment): Promise<Remotes> {
  const [{ createRemotes }, { secretVariable }] = await Promise.all([
    import('../copies/remotes/remotes.ts'),
    import('../copies/remotes/secret-variable.ts'),
  ])
  const secretOf = ({ name, authFile }: Remote) => {
    const variable = secretVariable(name)
    const [text, source] = [env[variable], `the remote "${name}"`]
    return {
      auth: text ? { text, source: variable } : undefined,
      authFile: authFile === undefined ? undefined : { text: authFile, source },
    }
  }
  return createRemotes(join(dirname(settings.file), 'ipfs', 'remotes.json'), async (remote) => {
    const { readAccess } = await import('../store/kubo/access.ts')
    const { name, kind, url, ca, replication } = remote
    const source = `the remote "${name}"`
    const access = await readAccess({ ...secretOf(remote), ca: ca === undefined ? undefined : { text: ca, source } })
    if (kind === 'cluster') {
      const { ClusterPlace } = await import('../store/pinning/cluster.ts')
      const factor = replication === undefined ? {} : { replication }
      return new ClusterPlace({ name, url: webAddress(url), ...access, ...factor })
    }
    if (kind === 'service') {
      const { ServicePlace } = await import('../store/pinning/service.ts')
      return new ServicePlace({ name, url: webAddress(url), ...access })
    }
    const [{ createNode }, { parseApi }, { createNodePlace }] = await Promise.all([
      import('../store/kubo/node.ts'),
      import('../store/kubo/endpoint.ts'),
      import('../copies/node-place.ts'),
    ])
    return createNodePlace(name, createNode({ ...access, ...parseApi(url, source) }))
  })
}

/** @throws BAD_FLAG */
function webAddress(url: string): string {
  if (/^https?:$/.test(URL.parse(url)?.protocol ?? '')) return url
  throw new DockerIpfsError('BAD_FLAG', `"${url}" is no address of a cluster or service`, {
    hint: 'Give a URL such as https://pins.example/api.',
  })
}

type AddressSearch = Omit<AddressOptions, 'found' | 'isNamed'>

/**
 * The node that the user named (`said`), or that answers, or that docker-ipfs runs by itself.
 * @throws BAD_FLAG, FILE_FAILED for what was said; NODE_UNREACHABLE, NODE_FAILED
 */
export async function findEndpoint(
  said: Settings['values'],
  { all: env }: Environment,
  search: AddressSearch,
): Promise<Endpoint> {
  const [{ readAccess }, { findNode }, { addressOf }] = await Promise.all([
    import('../store/kubo/access.ts'),
    import('../store/kubo/endpoint.ts'),
    import('../managed/address.ts'),
  ])
  const found = await findNode({ api: said.api, env, access: await readAccess(said) })
  return addressOf({ ...search, found, isNamed: said.api !== undefined })
}

/** For who only looks: no node is started, and nothing is said. */
export function lookOnly(managed: ManagedNode, signal: AbortSignal): AddressSearch {
  return { managed, mayStart: false, say: () => {}, warn: () => {}, signal }
}

/** A node's ports, and what stands in its folder. */
export async function openNode(endpoint: Endpoint) {
  const [{ createNode }, { Catalogue }, { Originals }, { Publications }, { Rules }, { createObservations }] =
    await Promise.all([
      import('../store/kubo/node.ts'),
      import('../catalogue/catalogue.ts'),
      import('../catalogue/originals.ts'),
      import('../catalogue/publications.ts'),
      import('../catalogue/rules.ts'),
      import('../copies/observations.ts'),
    ])
  const node = createNode(endpoint)
  const { blocks, pins, traffic, routing, naming, folder } = node
  const catalogue = new Catalogue(folder)
  const [originals, publications] = [new Originals(folder), new Publications(folder)]
  const [observations, rules] = [createObservations(folder), new Rules(folder)]
  return { node, blocks, pins, traffic, routing, naming, catalogue, originals, publications, observations, rules }
}

/** Part of the time limit that gateways have, so that their error is there before that of whoever waits for them. */
const GATEWAY_PART = 0.8

/**
 * The gateways that flags or settings name; undefined where the command may use none, or none are named.
 * @throws BAD_FLAG for an address that cannot be read
 */
export async function openGateways(
  { gateway, timeout }: Partial<FlagsOf<GatewayOptions>>,
  { settings }: Environment,
  warn: (text: string) => void,
): Promise<Gateways | undefined> {
  if (gateway === undefined || timeout === undefined) return undefined
  const [{ findGateways }, { createGateways }] = await Promise.all([
    import('../store/gateway/address.ts'),
    import('../store/gateway/gateways.ts'),
  ])
  const urls = findGateways(gateway, settings.values.gateways)
  return urls.length === 0 ? undefined : createGateways({ urls, timeoutMs: GATEWAY_PART * timeout, warn })
}

/**
 * An archive or an OCI layout at a path; `-` is the standard input.
 * @throws FILE_FAILED, ARCHIVE_INVALID, and what `pipe` throws
 */
export async function openImages(path: string, pipe: CommandContext['pipe'], signal: AbortSignal): Promise<ImageInput> {
  const { openInput, pipedInput } = await import('../image/input.ts')
  return path === '-' ? pipedInput(pipe(1)(), signal) : openInput(path, signal)
}

/** How the node at an endpoint is. */
export async function openHealth(endpoint: Endpoint): Promise<NodeHealth> {
  const { createHealth } = await import('../store/kubo/health/health.ts')
  return createHealth(endpoint)
}

/** What docker knows of this plugin, and the plugins themselves. */
export async function openPlugins(
  docker: Docker,
  { forDocker: env }: Environment,
): Promise<Pick<Plugins, 'installed' | 'versionOf'>> {
  const { installedPlugin, pluginVersion } = await import('../engine/docker/plugins.ts')
  return {
    installed: (signal) => installedPlugin(docker, PLUGIN_NAME, signal),
    versionOf: (path, signal) => pluginVersion(path, env, signal),
  }
}

/** The files with secrets for the node, of our own one, or for remotes, that others than their owner can read. */
export async function openSecrets({ authFile }: Settings['values'], environment: Environment): Promise<string[]> {
  const [{ isOpenToOthers }, { secretFile }, remotes] = await Promise.all([
    import('../store/kubo/access.ts'),
    import('../managed/secret.ts'),
    openRemotes(environment),
  ])
  const named = authFile === undefined ? [] : [authFile.text]
  const others = (await remotes.all().catch(() => [])).flatMap((remote) => remote.authFile ?? [])
  return [...named, secretFile(nodeFolder(environment.all)), ...others].filter(isOpenToOthers)
}
