import { DockerIpfsError, type ErrorCode } from '../../errors.ts'

/** docker and the engine say what is wrong in words only; they are read here and nowhere else. */
interface Reading {
  readonly pattern: RegExp
  readonly code: ErrorCode
  /** What we say; `{}` stands for what they said, `$1` for the first group of the pattern. */
  readonly message: string
  readonly hint?: string
}

/** Of a connection that ended before the answer did, and of one that had an answer which is no HTTP. */
export const NO_ANSWER = 'the connection ended without an answer'
export const NO_ENGINE = 'what is there does not speak as the Docker engine does'

const CANNOT_REACH = 'cannot reach the Docker engine: {}'
const START = 'Start Docker, or choose another engine with --context or -H.'
const ADDRESS = 'Check the address (-H, DOCKER_HOST, or the context): unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST.'

/** Why docker did not get to the engine. The first that fits holds. */
const ON_THE_WAY: readonly Reading[] = [
  {
    pattern: /permission denied while trying to connect|dial unix .*permission denied/i,
    code: 'ENGINE_UNREACHABLE',
    message: 'no right to use the Docker engine: {}',
    hint: 'Join the group of the socket, mostly "docker" (sudo usermod -aG docker USER), and log in again.',
  },
  {
    pattern: /context "([^"]*)": context not found/i,
    code: 'ENGINE_UNREACHABLE',
    message: 'cannot reach the Docker engine: there is no context "$1"',
    hint: '"docker context ls" shows those that are there.',
  },
  {
    pattern: /unable to resolve docker endpoint: (open .*\.pem: .*)$/i,
    code: 'ENGINE_UNREACHABLE',
    message: 'cannot reach the Docker engine: $1',
    hint: 'Put the certificates there, or name their folder with DOCKER_CERT_PATH.',
  },
  {
    pattern: /unable to resolve docker endpoint: |unable to parse docker host|invalid bind address|does not speak as/i,
    code: 'ENGINE_UNREACHABLE',
    message: CANNOT_REACH,
    hint: ADDRESS,
  },
  {
    pattern: /\bno such host\b|exited with exit status 255.*?stderr=/i,
    code: 'ENGINE_UNREACHABLE',
    message: CANNOT_REACH,
    hint: ADDRESS,
  },
  {
    pattern: /x509: |\btls: |HTTP request to an HTTPS server/i,
    code: 'ENGINE_UNREACHABLE',
    message: CANNOT_REACH,
    hint: 'Check --tlscacert, --tlscert and --tlskey, or the folder in DOCKER_CERT_PATH.',
  },
  {
    pattern: /^the connection (?:broke|ended)/,
    code: 'ENGINE_UNREACHABLE',
    message: 'the Docker engine went away: {}',
    hint: 'See whether it runs ("docker version"), then try again.',
  },
  {
    pattern:
      /cannot connect to the docker daemon|is the docker daemon running|error during connect|failed to connect to the docker API|dial (?:unix|tcp)|connection refused/i,
    code: 'ENGINE_UNREACHABLE',
    message: CANNOT_REACH,
    hint: START,
  },
]

const NO_SPACE = /no space left on device|disk quota exceeded/i

/** What the engine itself answered: a name that it did not find is one that it looked for. */
const ANSWERED: readonly Reading[] = [
  {
    // Docker Desktop answers for an engine that it has not started.
    pattern: /dial unix /i,
    code: 'ENGINE_UNREACHABLE',
    message: CANNOT_REACH,
    hint: START,
  },
  { pattern: /no such image|reference does not exist|no such object/i, code: 'IMAGE_NOT_FOUND', message: '{}' },
  { pattern: /invalid diffID for layer|wrong diff ?id/i, code: 'INTEGRITY', message: 'the Docker engine answered: {}' },
  {
    pattern: NO_SPACE,
    code: 'ENGINE_FULL',
    message: "the Docker engine's disk is full: {}",
    hint: 'Make room there: "docker system df" shows what takes it, "docker image prune" removes what nothing uses.',
  },
]

/** What docker or the engine said, as an error of ours. `text` may be all that docker printed. */
export function engineError(text: string, cause: unknown): DockerIpfsError {
  const line = firstLine(text)
  const answer = line.replace(ANSWER, '')
  return errorFrom(answer, cause, answer === line ? [...ON_THE_WAY, ...ANSWERED] : ANSWERED)
}

/** What the engine answered, as an error of ours. */
export function answerError(text: string, cause: unknown): DockerIpfsError {
  return errorFrom(firstLine(text), cause, ANSWERED)
}

/** What a load says of an image that it has and could not unpack is an answer like others, where it is no fault of the bytes. */
export function unpackingError(said: string): DockerIpfsError | undefined {
  const line = /^Error unpacking image.*$/m.exec(said)?.[0] ?? ''
  return NO_SPACE.test(line) ? answerError(line, new Error(said)) : undefined
}

/** What docker puts before an answer of the engine. */
const ANSWER = /^(?:docker: )?Error response from daemon: /

function errorFrom(line: string, cause: unknown, readings: readonly Reading[]): DockerIpfsError {
  const reading = readings.find(({ pattern }) => pattern.test(line))
  if (reading === undefined) {
    const message = line === '' ? 'docker failed without a word' : `the Docker engine answered: ${line}`
    return new DockerIpfsError('ENGINE_FAILED', message, { cause })
  }
  const { code, hint } = reading
  const group = reading.pattern.exec(line)?.[1] ?? line
  const message = reading.message.replace(/\{\}|\$1/, (place) => (place === '{}' ? shortened(line) : group))
  return new DockerIpfsError(code, message, { cause, ...(hint === undefined ? {} : { hint }) })
}

function firstLine(text: string): string {
  const lines = text.split('\n').map((line) => line.trim())
  const line = lines.find((candidate) => candidate !== '' && !candidate.startsWith('WARNING')) ?? ''
  return line.replace(/^error: /i, '')
}

/** docker says of ssh which command it ran, with what, and what may be wrong; what ssh said stands behind that. */
function shortened(line: string): string {
  return line
    .replace(/^.*exited with exit status \d+.*?stderr=/, '')
    .replace(/^failed to open the raw stream connection: /i, '')
    .replace(/^Failed to initialize: unable to resolve docker endpoint: /, '')
}
