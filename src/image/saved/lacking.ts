import { DockerIpfsError } from '../../errors.ts'

/** What is to be done about an image of which the engine has not all. */
const AGAIN = 'Pull or load the image again; or save a platform of it that the engine has whole, with --platform.'

/** The cause of an error: blobs that an archive names, and none of which it holds. By their paths in there. */
export class LackedBlobs extends Error {
  readonly config: string
  readonly layers: readonly string[]

  constructor(config: string, layers: readonly string[]) {
    super(`the archive names ${[config, ...layers].join(', ')}`)
    this.config = config
    this.layers = layers
  }
}

/** An engine's archive of a platform that it has not all of names its blobs, and has none (Docker 26 to 28 with a containerd store). */
export function engineLacks({ config, layers }: LackedBlobs, cause: unknown): DockerIpfsError {
  const named = layers.length === 0 ? '' : ` or layer ${layers.map(digestOf).join(', ')}`
  const text = `the Docker engine lacks a part of its own image: the config ${digestOf(config)}${named}`
  return new DockerIpfsError('ENGINE_FAILED', text, { cause, hint: AGAIN })
}

/** The same where an engine says which (containerd `core/content`); undefined where it says something else. */
export function saysLacking(message: string, cause: unknown): DockerIpfsError | undefined {
  const digest = /(?:blob|content digest) (sha256:[0-9a-f]{64})(?: expected at|: not found)/.exec(message)?.[1]
  if (digest === undefined) return undefined
  const text = `the Docker engine lacks ${digest} of its own image`
  return new DockerIpfsError('ENGINE_FAILED', text, { cause, hint: AGAIN })
}

function digestOf(path: string): string {
  return path.replace(/^blobs\/sha256\//, 'sha256:')
}
