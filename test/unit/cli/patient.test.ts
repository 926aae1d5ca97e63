import { afterAll, expect, test } from 'bun:test'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import metadata from '../../../plugin-metadata.json' with { type: 'json' }
import { readEnvironment } from '../../../src/cli/environment.ts'
import { patientOf } from '../../../src/cli/patient.ts'

const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-patient-'))
afterAll(() => rmSync(folder, { recursive: true }))
const secret = join(folder, 'secret')
writeFileSync(secret, 'bearer:token')
chmodSync(secret, 0o644)
const file = join(folder, 'config.json')
const api = 'http://node.example:1'
writeFileSync(file, JSON.stringify({ plugins: { ipfs: { api, apiAuthFile: secret, oops: 'x' } } }))

const { signal } = new AbortController()
const environment = readEnvironment(['--config', folder], {
  HOME: folder,
  PATH: '/nowhere',
  DOCKER_HOST: 'unix:///nowhere.sock',
  DOCKER_IPFS_NODE: 'off',
})
const patient = (flag?: string) => patientOf(flag, { environment, dockerGlobals: [], signal })

test('what the settings say is looked at, and what is wrong with them', async () => {
  expect((await patient()).config).toEqual({
    file,
    faults: [{ text: expect.stringContaining('unknown setting plugins.ipfs.oops'), isLost: false }],
    inEffect: ['plugins.ipfs.api is set', 'plugins.ipfs.apiAuthFile is set', 'DOCKER_IPFS_NODE is set'],
    openSecrets: [secret],
  })
})

test('the node is the one that the settings name, with what lets us in there', async () => {
  const { openNode } = await patient()
  expect(await openNode()).toMatchObject({ address: api, source: `plugins.ipfs.api of ${file}`, isSecretOpen: true })
})

test('a flag names another node, which the secret of config.json does not go to', async () => {
  const { openNode, config } = await patient('/ip4/127.0.0.1/tcp/1')
  expect(await openNode()).toMatchObject({ source: '--api', isSecretOpen: false })
  expect(config.openSecrets).toEqual([])
})

test('the other node is the one that would be used without any settings', async () => {
  const { openOther } = await patient('/ip4/127.0.0.1/tcp/1')
  expect(await openOther()).toMatchObject({ source: 'the default', isSecretOpen: false })
})

test('the plugin is this program, and others are asked for their version as docker asks them', async () => {
  const { plugins } = await patient()
  expect(plugins.own).toEqual({ version: metadata.Version, path: process.execPath })
  expect(plugins.realPath(folder)).toBe(plugins.realPath(plugins.realPath(folder)))
  const other = join(folder, 'docker-ipfs')
  writeFileSync(other, '#!/bin/sh\necho "{\\"Version\\":\\"9.8.7\\"}"\n')
  chmodSync(other, 0o755)
  expect(await plugins.versionOf(other, signal)).toBe('9.8.7')
  expect(await plugins.versionOf(join(folder, 'nothing'), signal)).toBeUndefined()
  await expect(plugins.installed(signal)).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' })
})
