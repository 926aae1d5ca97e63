import { type NodeOptions, type Ports, settingsOf, stampOf } from './settings.ts'

/** The Kubo that this docker-ipfs is tested with. */
const VERSION = '0.43.0'
const REPOSITORY = 'ipfs/kubo'
export const IMAGE = `${REPOSITORY}:v${VERSION}`

/** On the container, its volume and its network; they are found by it. The container's value is its ports and options. */
export const LABEL = 'docker-ipfs.node'

export const CONTAINER = 'docker-ipfs-node'
export const VOLUME = 'docker-ipfs-node'
export const NETWORK = 'docker-ipfs-node'

/** Where the image has its repository, and the scripts that it runs before the daemon. Source: the image's Dockerfile and entrypoint. */
const REPO = '/data/ipfs'
const ENTRYPOINT = '/usr/local/bin/start_ipfs'
const SCRIPTS = '/container-init.d'

/** Whether ours is newer than that of a container. One that a newer docker-ipfs has made is left as it is. */
export function newerImage(image: string): boolean {
  const theirs = image.startsWith(`${REPOSITORY}:v`) ? image.slice(REPOSITORY.length + 2) : ''
  return theirs.localeCompare(VERSION, 'en', { numeric: true }) < 0
}

/** The arguments of docker that make the container, complete in one step. */
export function createArguments(ports: Ports, options: NodeOptions): string[] {
  const { swarmPort, isPrivate = false } = options
  const publish = [ports.api, ports.gateway].map((port) => `127.0.0.1:${port}:${port}`)
  if (swarmPort !== undefined) publish.push(`${swarmPort}:${swarmPort}/tcp`, `${swarmPort}:${swarmPort}/udp`)
  const env = { IPFS_PROFILE: 'flatfs', IPFS_TELEMETRY: 'off', DOCKER_IPFS_INIT: initScript(ports, options) }
  return [
    ...['container', 'create', '--name', CONTAINER],
    ...['--label', `${LABEL}=${JSON.stringify({ ...ports, ...options })}`],
    ...['--network', NETWORK, '--restart', 'unless-stopped', '--init', '--stop-timeout', '30'],
    ...['--mount', `type=volume,source=${VOLUME},target=${REPO},volume-label=${LABEL}=`],
    ...publish.flatMap((port) => ['--publish', port]),
    ...Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ...(isPrivate ? ['--env', 'LIBP2P_FORCE_PNET=1'] : []),
    ...['--health-cmd', `ipfs --api=/ip4/127.0.0.1/tcp/${ports.api} diag healthy`],
    ...['--health-interval', '30s', '--health-timeout', '5s', '--health-retries', '3', '--health-start-period', '30s'],
    // The image runs the scripts of its folder; ours comes in by the environment, so that no file has to be copied.
    ...['--entrypoint', '/bin/sh', '--', IMAGE, '-c'],
    `printf '%s\\n' "$DOCKER_IPFS_INIT" > ${SCRIPTS}/docker-ipfs.sh && exec ${ENTRYPOINT} daemon --migrate=true --enable-gc --agent-version-suffix=docker-ipfs`,
  ]
}

/** Run before each start of the daemon, in the repository. Settings are written once, so that changes of the user stay. */
function initScript(ports: Ports, options: NodeOptions): string {
  const settings = settingsOf({ ports, isContainer: true }, options)
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
  ].join('\n')
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
