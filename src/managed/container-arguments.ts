import { hostname, release } from 'node:os'
import type { Docker } from '../engine/docker/command.ts'
import { DockerIpfsError, hasCode, messageOf } from '../errors.ts'
import type { Say } from './host.ts'
import { entryOf, secretOf, USER } from './secret.ts'
import { type KuboSetting, type NodeOptions, type Ports, settingsOf, stampOf } from './settings.ts'

type Commands = Pick<Docker, 'run'>

/** The Kubo that this docker-ipfs is tested with. */
const VERSION = '0.43.0'
const REPOSITORY = 'ipfs/kubo'
export const IMAGE = `${REPOSITORY}:v${VERSION}`

/** On the container, its volume and its network; they are found by it. The container's value is its ports and options. */
export const LABEL = 'docker-ipfs.node'

export const CONTAINER = 'docker-ipfs-node'
export const VOLUME = 'docker-ipfs-node'
export const NETWORK = 'docker-ipfs-node'

/** As whom Kubo listens, by number: the image's user. */
export const USERS: readonly number[] = [1000]

/** Seconds that Kubo has to end: it waits 30 s for calls that hang, and then writes down what it has in memory. */
export const STOP_S = '60'

/** The network of the container: the machine's own, or one of its own with published ports. */
export type Network = 'host' | typeof NETWORK

/** Where the image has its repository, and the scripts that it runs before the daemon. Source: the image's Dockerfile and entrypoint. */
const REPO = '/data/ipfs'
/** The secret of its API, in the volume: who may use the engine may read it, and nobody else. */
export const SECRET = `${REPO}/docker-ipfs.secret`
const ENTRYPOINT = '/usr/local/bin/start_ipfs'
const SCRIPTS = '/container-init.d'

/** Whether ours is newer than that of a container. One that a newer docker-ipfs has made is left as it is. */
export function newerImage(image: string): boolean {
  const theirs = image.startsWith(`${REPOSITORY}:v`) ? image.slice(REPOSITORY.length + 2) : ''
  return theirs.localeCompare(VERSION, 'en', { numeric: true }) < 0
}

/** Ports are published on the machine of the engine. */
export async function mustBeLocal(docker: Commands, signal: AbortSignal): Promise<void> {
  const host = await docker.run(['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}'], signal)
  if (/^(unix|npipe):/.test(host)) return
  throw new DockerIpfsError('NODE_UNREACHABLE', `the Docker engine (${host}) may be on another machine`)
}

export async function getImage(docker: Commands, signal: AbortSignal, say: Say): Promise<void> {
  try {
    await docker.run(['image', 'inspect', '--format', '{{.Id}}', IMAGE], signal)
  } catch (error) {
    if (!hasCode(error, 'IMAGE_NOT_FOUND')) throw error
    say(`Pulling ${IMAGE}`)
    await docker.run(['image', 'pull', '--quiet', IMAGE], signal)
  }
}

export async function getNetwork(docker: Commands, signal: AbortSignal): Promise<Network> {
  const engine = await docker.run(['info', '--format', ENGINE_FORMAT], signal)
  const network = networkFor(engine, { name: hostname(), kernel: release() })
  if (network === 'host') return network
  // Not docker's default one, where every container could call the node's API.
  await docker.run(['network', 'create', '--label', LABEL, network], signal).catch(ignoreExisting)
  return network
}

/** Whoever came first has made it. */
export function ignoreExisting(error: unknown): void {
  if (!/already (in use|exists)/i.test(messageOf(error))) throw error
}

/** What docker has to say for `networkFor`. */
const ENGINE_FORMAT = '{{.Name}}\t{{.KernelVersion}}\t{{.SecurityOptions}}'

/**
 * The machine's network, where the engine is on this very machine and not in a virtual one, or a namespace. Before Docker 28
 * whoever is on a network with the machine can call a port that is published on loopback, at the container's own address.
 */
export function networkFor(engine: string, machine: { readonly name: string; readonly kernel: string }): Network {
  const [name, kernel, security = ''] = engine.split('\t')
  const isHere = name === machine.name && kernel === machine.kernel && !/name=(rootless|userns)/.test(security)
  return isHere ? 'host' : NETWORK
}

/** The arguments of docker that make the container, complete in one step. */
export function createArguments(ports: Ports, options: NodeOptions, network: Network): string[] {
  const { isPrivate = false } = options
  const publish = network === 'host' ? [] : published(ports, options)
  const init = initScript(settingsOf({ ports, isPublished: network !== 'host' }, options))
  const env = { IPFS_PROFILE: 'flatfs', IPFS_TELEMETRY: 'off', DOCKER_IPFS_INIT: init }
  return [
    ...['container', 'create', '--name', CONTAINER],
    ...['--label', `${LABEL}=${JSON.stringify({ ...ports, ...options, isClosed: true })}`],
    ...['--network', network, '--restart', 'unless-stopped', '--init', '--stop-timeout', STOP_S],
    ...['--mount', `type=volume,source=${VOLUME},target=${REPO},volume-label=${LABEL}=`],
    ...publish.flatMap((port) => ['--publish', port]),
    ...Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ...(isPrivate ? ['--env', 'LIBP2P_FORCE_PNET=1'] : []),
    // Kubo tells its version without a secret, which every user could see on the command line of a check. HTTP_PROXY is not meant for it.
    ...['--health-cmd', `wget -q -Y off -O /dev/null http://127.0.0.1:${ports.api}/version`],
    ...['--health-interval', '30s', '--health-timeout', '5s', '--health-retries', '3', '--health-start-period', '30s'],
    // The image runs the scripts of its folder; ours comes in by the environment, so that no file has to be copied.
    ...['--entrypoint', '/bin/sh', '--', IMAGE, '-c'],
    `printf '%s\\n' "$DOCKER_IPFS_INIT" > ${SCRIPTS}/docker-ipfs.sh && exec ${ENTRYPOINT} daemon --migrate=true --enable-gc --agent-version-suffix=docker-ipfs`,
  ]
}

function published({ api, gateway }: Ports, { swarmPort }: NodeOptions): string[] {
  const own = [api, gateway].map((port) => `127.0.0.1:${port}:${port}`)
  return swarmPort === undefined ? own : [...own, `${swarmPort}:${swarmPort}/tcp`, `${swarmPort}:${swarmPort}/udp`]
}

/** Run before each start of the daemon, in the repository. Settings are written once, so that changes of the user stay. */
function initScript(settings: readonly KuboSetting[]): string {
  const stamp = `${VERSION} ${stampOf(settings)}`
  return [
    'set -e',
    `if [ -e ${SCRIPTS}/swarm.key ]; then`,
    `  rm -f ${REPO}/swarm.key`,
    `  (umask 0277 && cat ${SCRIPTS}/swarm.key > ${REPO}/swarm.key)`,
    `  rm -f ${SCRIPTS}/swarm.key`,
    'fi',
    `if [ "$(cat ${REPO}/docker-ipfs.stamp 2>/dev/null)" != '${stamp}' ]; then`,
    `  if [ -e ${REPO}/docker-ipfs.stamp ]; then ipfs repo migrate; fi`,
    ...settings.map(([key, value]) => `  ipfs config --json ${key} ${quoted(JSON.stringify(value))}`),
    `  echo '${stamp}' > ${REPO}/docker-ipfs.stamp`,
    'fi',
    ...secretScript(),
  ].join('\n')
}

/** Stands in the config until the secret does. */
const PLACE = '@SECRET@'

/**
 * The secret is made where there is none, and put into the config where it is not in it. It is in no argument of a program: those
 * every user of the machine can see. printf, case and the cuts of words are the shell's own.
 */
function secretScript(): string[] {
  const value = entryOf(PLACE)
  return [
    `secret=$(cat ${SECRET} 2>/dev/null || true)`,
    `if ! [ -O ${SECRET} ] || [ \${#secret} != ${secretOf('').length + 64} ] ||`,
    `  ! printf '%s' "$secret" | grep -qx '${secretOf('[0-9a-f]\\{64\\}')}'; then`,
    "  hex=$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \\n')",
    `  [ \${#hex} = 64 ]`,
    `  secret=${secretOf('$hex')}`,
    `  rm -f ${SECRET}.new`,
    `  (umask 077 && printf '%s\\n' "$secret" > ${SECRET}.new)`,
    `  mv ${SECRET}.new ${SECRET}`,
    'fi',
    `chmod 600 ${SECRET}`,
    `config=$(cat ${REPO}/config)`,
    'case $config in *"\\"$secret\\""*) ;; *)',
    `  ipfs config --json API.Authorizations.${USER} ${quoted(JSON.stringify(value))}`,
    `  config=$(cat ${REPO}/config)`,
    `  rm -f ${REPO}/config.new`,
    `  (umask 077 && printf '%s%s%s\\n' "\${config%%${PLACE}*}" "$secret" "\${config#*${PLACE}}" > ${REPO}/config.new)`,
    `  mv ${REPO}/config.new ${REPO}/config`,
    'esac',
  ]
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
