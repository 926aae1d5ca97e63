import { DockerIpfsError } from '../../errors.ts'
import { daemonJson } from './daemon-json.ts'
import type { Form, Mirror } from './form.ts'
import { hostsToml, registriesConf } from './marked-block.ts'
import { registriesYaml } from './registries-yaml.ts'

/** A program that can ask a mirror before a registry. */
export interface Tool {
  readonly form: Form
  /** Where its settings are. @param home of the user, where that counts; undefined for root */
  readonly file: (registry: string, home: string | undefined) => string
  /** What makes it read them. @param after the file as it is then */
  readonly reload: (after: string) => string
}

const CONTAINERS = 'containers/registries.conf.d/50-docker-ipfs.conf'

const TOOLS = {
  containerd: {
    form: hostsToml,
    file: (registry) => `/etc/containerd/certs.d/${registry}/hosts.toml`,
    reload: () =>
      'containerd looks there where config_path of its registry settings is /etc/containerd/certs.d; "ctr images pull" with --hosts-dir. Nothing need be restarted.',
  },
  crio: { form: registriesConf, file: () => `/etc/${CONTAINERS}`, reload: () => 'Then: sudo systemctl reload crio' },
  docker: {
    form: daemonJson,
    file: () => '/etc/docker/daemon.json',
    reload: (after) =>
      after.includes('"registry-mirrors"')
        ? 'Then: sudo systemctl reload docker (or send dockerd a SIGHUP). "docker info" lists it below Registry Mirrors.'
        : 'Then: sudo systemctl restart docker. A reload keeps mirrors of which the file says nothing.',
  },
  k3s: {
    form: registriesYaml,
    file: () => '/etc/rancher/k3s/registries.yaml',
    reload: () => 'Then: sudo systemctl restart k3s (on agents k3s-agent), on each node with a registry.',
  },
  podman: {
    form: registriesConf,
    file: (_, home) => (home === undefined ? `/etc/${CONTAINERS}` : `${home}/.config/${CONTAINERS}`),
    reload: () => 'podman, buildah and skopeo read it with their next command.',
  },
} as const satisfies Readonly<Record<string, Tool>>

export const TOOL_NAMES = Object.keys(TOOLS)

/** @throws USAGE for a tool, or a registry of it, that cannot be */
export function toolOf(name: string, { registry }: Mirror): Tool {
  const tool = Object.entries(TOOLS).find(([each]) => each === name)?.[1]
  if (tool === undefined) {
    throw new DockerIpfsError('USAGE', `"${name}" is none of ${TOOL_NAMES.join(', ')}`)
  }
  if (!/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?$/i.test(registry)) {
    throw new DockerIpfsError('USAGE', `--registry is the host of a registry, such as docker.io, not "${registry}"`)
  }
  if (name === 'docker' && registry !== 'docker.io') {
    throw new DockerIpfsError('USAGE', `dockerd has mirrors for docker.io alone, not for ${registry}`, {
      hint: 'Name the image with the address of the registry in front.',
    })
  }
  return tool
}
