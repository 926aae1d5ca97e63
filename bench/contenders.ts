/** The ways to keep an image that are compared, as the commands that a user would type. */

/** An image on the engine. */
export interface Image {
  readonly name: string
  readonly id: string
}

export interface Where {
  /** The docker command with the engine's address. */
  readonly docker: string
  /** The ipfs command with the node's address. */
  readonly ipfs: string
  /** Multiaddr of the node. */
  readonly api: string
}

export interface Contender {
  readonly key: string
  readonly title: string
  /** False for the floor, which stores nothing. */
  readonly usesNode: boolean
  /** Prints what `load` needs to know, such as a CID. */
  save(image: Image, where: Where): string
  /** `saved` is what save printed, `archive` a file of `docker save`. */
  load(saved: string, archive: string, where: Where): string
}

/** An earlier build of the plugin, in a docker configuration of its own: what a change costs is seen beside it, in one run. */
export function earlierBuild(dockerConfig: string): Contender {
  const of = (docker: string) => `DOCKER_CONFIG='${dockerConfig}' ${docker} ipfs`
  return {
    key: 'before',
    title: 'the same, of an earlier build',
    usesNode: true,
    save: (image, { docker, api }) => `${of(docker)} save --quiet --api ${api} ${image.name}`,
    load: (cid, _archive, { docker, api }) => `${of(docker)} load --quiet --api ${api} ${cid}`,
  }
}

function seed(key: string, options: string): Contender {
  return {
    key,
    title: ['docker save | ipfs add -Q', options].join(' ').trim(),
    usesNode: true,
    save: (image, { docker, ipfs }) => `${docker} save ${image.id} | ${ipfs} add -Q ${options}`,
    load: (cid, _archive, { docker, ipfs }) => `${ipfs} cat ${cid} | ${docker} load`,
  }
}

export const SEED = 'seed'
export const OURS = 'docker-ipfs'
export const FLOOR = 'floor'

export const CONTENDERS: readonly Contender[] = [
  {
    key: FLOOR,
    title: 'docker save >/dev/null, docker load < file',
    usesNode: false,
    save: (image, { docker }) => `${docker} save ${image.id} >/dev/null`,
    load: (_saved, archive, { docker }) => `${docker} load <'${archive}'`,
  },
  seed(SEED, ''),
  seed('buzhash', '--chunker=buzhash'),
  seed('rabin', '--chunker=rabin'),
  {
    key: OURS,
    title: 'docker ipfs save, docker ipfs load',
    usesNode: true,
    save: (image, { docker, api }) => `${docker} ipfs save --quiet --api ${api} ${image.name}`,
    load: (cid, _archive, { docker, api }) => `${docker} ipfs load --quiet --api ${api} ${cid}`,
  },
]
