import { describe, expect, test } from 'bun:test'
import { answerError, engineError } from '../../../../src/engine/docker/words.ts'

/** What docker 20.10 to 28.5 printed, and what we make of it: code, message, what to do. */
const said = (text: string) => {
  const { code, message, hint } = engineError(text, undefined)
  return [code, message, hint]
}

describe('why docker does not get to the engine', () => {
  test('no right to the socket: the group is told, and not to start Docker', () => {
    const text =
      'permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get "http://x": dial unix /var/run/docker.sock: connect: permission denied'
    expect(said(text)).toEqual([
      'ENGINE_UNREACHABLE',
      `no right to use the Docker engine: ${text}`,
      'Join the group of the socket, mostly "docker" (sudo usermod -aG docker USER), and log in again.',
    ])
  })

  test.each([
    'context "far": context not found: open /x/contexts/meta/9e62/meta.json: no such file or directory',
    'Failed to initialize: unable to resolve docker endpoint: context "far": context not found: open /x/meta.json: no such file or directory',
  ])('a context that is not there: %s', (text) => {
    expect(said(text)).toEqual([
      'ENGINE_UNREACHABLE',
      'cannot reach the Docker engine: there is no context "far"',
      '"docker context ls" shows those that are there.',
    ])
  })

  test.each([
    [
      'Failed to initialize: unable to resolve docker endpoint: open /no/ca.pem: no such file or directory',
      'open /no/ca.pem: no such file or directory',
      /DOCKER_CERT_PATH/,
    ],
    [
      'Failed to initialize: unable to resolve docker endpoint: invalid bind address format: foo://x',
      'invalid bind address format: foo://x',
      /^Check the address/,
    ],
    ['unable to parse docker host `nonsense`', 'unable to parse docker host `nonsense`', /^Check the address/],
    [
      'failed to open the raw stream connection: dial tcp: lookup nonsense on 10.0.0.1:53: no such host',
      'dial tcp: lookup nonsense on 10.0.0.1:53: no such host',
      /^Check the address/,
    ],
    [
      'error while Copy (stream to stdout): command [ssh -T -- far docker system dial-stdio] has exited with exit status 255, make sure the URL is valid, and Docker 18.09 or later is installed on the remote host: stderr=ssh: Could not resolve hostname far: Name or service not known',
      'ssh: Could not resolve hostname far: Name or service not known',
      /^Check the address/,
    ],
    [
      'failed to open the raw stream connection: tls: failed to verify certificate: x509: certificate signed by unknown authority',
      'tls: failed to verify certificate: x509: certificate signed by unknown authority',
      /--tlscacert/,
    ],
    [
      'failed to open the raw stream connection: dial tcp 127.0.0.1:1: connect: connection refused',
      'dial tcp 127.0.0.1:1: connect: connection refused',
      /^Start Docker/,
    ],
    [
      'Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?',
      'Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?',
      /^Start Docker/,
    ],
    [
      'error during connect: Get "http://far": net/http: timeout',
      'error during connect: Get "http://far": net/http: timeout',
      /^Start Docker/,
    ],
  ])('%s', (text, why, hint) => {
    expect(said(text)).toEqual([
      'ENGINE_UNREACHABLE',
      `cannot reach the Docker engine: ${why}`,
      expect.stringMatching(hint),
    ])
  })

  test.each(['the connection ended without an answer', 'the connection broke (ECONNRESET)'])(
    'an engine that was killed answered nothing: %s',
    (text) => {
      expect(said(text)).toEqual([
        'ENGINE_UNREACHABLE',
        `the Docker engine went away: ${text}`,
        'See whether it runs ("docker version"), then try again.',
      ])
    },
  )
})

describe('what the engine answers', () => {
  test.each([
    ['Get "https://far/v2/": dial tcp: lookup far on 10.0.0.1:53: no such host', 'ENGINE_FAILED'],
    ['Get "https://far/v2/": x509: certificate signed by unknown authority', 'ENGINE_FAILED'],
    ['dial unix docker.raw.sock: connect: connection refused', 'ENGINE_UNREACHABLE'],
    ['No such image: a:1', 'IMAGE_NOT_FOUND'],
    ['invalid diffID for layer 1: expected "x", got "y"', 'INTEGRITY'],
    ['apply layer error: wrong diff id calculated', 'INTEGRITY'],
    ['max depth exceeded', 'ENGINE_FAILED'],
  ] as const)('%s', (text, code) => {
    expect(answerError(text, undefined).code).toBe(code)
    expect(engineError(`docker: Error response from daemon: ${text}\nSee 'docker run --help'.`, undefined).code).toBe(
      code,
    )
  })

  test('a full disk is its own, and there is something to do', () => {
    const { code, message, hint } = answerError('write /var/lib/docker/tmp/x: no space left on device', undefined)
    expect([code, message]).toEqual([
      'ENGINE_FULL',
      "the Docker engine's disk is full: write /var/lib/docker/tmp/x: no space left on device",
    ])
    expect(hint).toContain('docker system df')
  })

  test('nothing at all is said to be nothing', () => {
    expect(said('WARNING: no swap\n')).toEqual(['ENGINE_FAILED', 'docker failed without a word', undefined])
  })
})
