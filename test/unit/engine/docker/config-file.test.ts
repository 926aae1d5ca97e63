import { expect, test } from 'bun:test'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { configFile } from '../../../../src/engine/docker/config-file.ts'

const HOME_FILE = join(homedir(), '.docker', 'config.json')

test.each([
  ['--config before all', { folder: '/flag', env: { DOCKER_CONFIG: '/env', HOME: '/home' } }, '/flag/config.json'],
  ['DOCKER_CONFIG before the home', { env: { DOCKER_CONFIG: '/env', HOME: '/home' } }, '/env/config.json'],
  ['the home', { env: { HOME: '/home' } }, '/home/.docker/config.json'],
  ['the home by the user, where HOME says nothing', { env: {} }, HOME_FILE],
  ['what is not empty', { folder: '', env: { DOCKER_CONFIG: '', HOME: '' } }, HOME_FILE],
])("docker's config.json is found by %s", (_, sources, file) => {
  expect(configFile(sources)).toBe(file)
})
