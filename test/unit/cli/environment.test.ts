import { expect, test } from 'bun:test'
import { readEnvironment } from '../../../src/cli/environment.ts'

test.each([
  [undefined, 'docker'],
  ['', 'docker'],
  ['docker', 'docker'],
  ['/opt/docker/bin/docker', '/opt/docker/bin/docker'],
  ['/root/.docker/cli-plugins/docker-ipfs', 'docker'],
  [process.execPath, 'docker'],
])('ORIGINAL_CLI_COMMAND %p means that %s is started, never ourselves', (original, docker) => {
  const env = original === undefined ? {} : { DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: original }
  expect(readEnvironment([], env).docker).toBe(docker)
})

test('completion has descriptions unless the user wants none', () => {
  expect(readEnvironment([], {}).completionDescriptions).toBe(true)
  expect(readEnvironment([], { DOCKER_CLI_DISABLE_COMPLETION_DESCRIPTION: '' }).completionDescriptions).toBe(false)
})

test('docker is started without our settings, which may be secret', () => {
  const { forDocker } = readEnvironment([], {
    PATH: '/bin',
    DOCKER_IPFS_API: 'https://a:b@c',
    DOCKER_IPFS_API_AUTH: 's',
  })
  expect(forDocker).toEqual({ PATH: '/bin' })
})

test.each([
  [{}, false],
  [{ LANG: '' }, false],
  [{ LANG: 'C' }, true],
  [{ LANG: 'en_GB.UTF-8', LC_ALL: 'C' }, true],
  [{ LANG: 'C', LC_ALL: 'C.utf8' }, false],
  [{ LANG: 'en_GB.UTF-8', LC_CTYPE: 'POSIX', LC_ALL: '' }, true],
  [{ LANG: 'de_DE@euro' }, true],
])('a terminal with %j has only ASCII: %p', (env, isAscii) => {
  expect(readEnvironment([], env).isAscii).toBe(isAscii)
})
