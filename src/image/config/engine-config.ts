import { misfitOf, type Shape } from './go-json.ts'

/*
 * What Docker's engine reads in an image config. Each of its stores has types of its own for that (moby `image.Image`, and
 * `DockerOCIImage` of the image spec). The tables were held against Docker 20.10, 26.1 and 28.5, field by field. A field that is of
 * another type in some version, or missing there, is not named: that engine says itself what it cannot read.
 */

const string: Shape = { is: 'string' }
const boolean: Shape = { is: 'boolean' }
const integer: Shape = { is: 'integer' }
const strings: Shape = { is: 'list', of: string }
/** Paths or ports, each with an object without fields. */
const set: Shape = { is: 'map', of: { is: 'object', fields: {} } }

const healthcheck: Shape = {
  is: 'object',
  // Times are numbers of nanoseconds.
  fields: { Test: strings, Interval: integer, Timeout: integer, StartPeriod: integer, Retries: integer },
}

/** What both stores read of how a container is run; a command is a list, or what `command` says. */
function runFields(command: Shape): Record<string, Shape> {
  return {
    User: string,
    ExposedPorts: set,
    Env: strings,
    Entrypoint: command,
    Cmd: command,
    Volumes: set,
    WorkingDir: string,
    Labels: { is: 'map', of: string },
    StopSignal: string,
    ArgsEscaped: boolean,
    Healthcheck: healthcheck,
    OnBuild: strings,
    Shell: command,
  }
}

function configFields(time: Shape, config: Shape): Record<string, Shape> {
  const step = { created: time, created_by: string, author: string, comment: string, empty_layer: boolean }
  return {
    created: time,
    author: string,
    architecture: string,
    os: string,
    'os.version': string,
    'os.features': strings,
    variant: string,
    config,
    rootfs: { is: 'object', fields: { type: string, diff_ids: strings } },
    history: { is: 'list', of: { is: 'object', fields: step } },
  }
}

const IN_CONTAINERD: Shape = {
  is: 'object',
  fields: configFields({ is: 'time' }, { is: 'object', fields: runFields(strings) }),
}

/** Takes a command that is a string. Docker 20.10 was built by a Go that takes any offset of a time. */
const container: Shape = {
  is: 'object',
  fields: {
    ...runFields({ ...strings, orString: true }),
    Hostname: string,
    Domainname: string,
    AttachStdin: boolean,
    AttachStdout: boolean,
    AttachStderr: boolean,
    Tty: boolean,
    OpenStdin: boolean,
    StdinOnce: boolean,
    Image: string,
    NetworkDisabled: boolean,
    StopTimeout: integer,
  },
}

const IN_CLASSIC: Shape = {
  is: 'object',
  fields: {
    ...configFields({ is: 'any-offset-time' }, container),
    id: string,
    parent: string,
    comment: string,
    container: string,
    container_config: container,
    docker_version: string,
    Size: integer,
  },
}

/**
 * Why an engine cannot read an image config, in words; undefined where nothing speaks against it.
 * @param configBytes JSON in UTF-8, as `readConfig` takes it
 */
export function unreadableIn(
  configBytes: Uint8Array,
  store: { readonly containerdStore: boolean },
): string | undefined {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(configBytes)
  if (text.startsWith('\u{feff}')) return 'it begins with a byte order mark'
  return misfitOf(text, store.containerdStore ? IN_CONTAINERD : IN_CLASSIC)
}
