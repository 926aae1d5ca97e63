import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeSettings, readSettings } from '../../../src/cli/settings.ts'

const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-settings-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = join(folder, 'config.json')

/** Settings of a config.json with this text. */
function settings(text: string, env: Record<string, string> = {}) {
  writeFileSync(file, text)
  return readSettings({ env, file })
}
const ofPlugin = (ipfs: unknown) => JSON.stringify({ plugins: { ipfs } })

test('the environment goes before config.json, and nothing is a value that is empty', () => {
  const config = ofPlugin({ api: '/ip4/1.1.1.1/tcp/1', progress: 'plain' })
  const { values, faults } = settings(config, { DOCKER_IPFS_API: '', DOCKER_IPFS_PROGRESS: 'json' })
  expect(faults).toEqual([])
  expect(values.api).toEqual({ text: '/ip4/1.1.1.1/tcp/1', source: `plugins.ipfs.api of ${file}`, inFile: true })
  expect(values.progress).toEqual({ text: 'json', source: 'DOCKER_IPFS_PROGRESS', inFile: false })
})

test.each([
  ['{"auths":{"secret": oops', `cannot read ${file}: it is no JSON`],
  ['[]', undefined],
  ['{"plugins":{"ipfs":{"hooks":"pull","error-hooks":"x"}}}', undefined],
  [ofPlugin('x'), `plugins.ipfs in ${file} is left out: it must be an object`],
  [ofPlugin({ api: 5 }), `plugins.ipfs.api in ${file} is left out: it must be a text`],
  [
    ofPlugin({ progress: 'x' }),
    expect.stringContaining(`"x" (plugins.ipfs.progress of ${file}) is left out: it must be`),
  ],
])('%s in config.json stops nothing: %s', (text, warning) => {
  const faults = warning === undefined ? [] : [{ text: warning, isLost: true }]
  expect(settings(text)).toMatchObject({ values: {}, faults })
})

test.each(['apis', 'auth', 'apiAuth'])('%s is no setting of config.json', (key) => {
  const [fault, ...others] = settings(ofPlugin({ [key]: 'x' })).faults
  expect(fault?.text).toStartWith(`unknown setting plugins.ipfs.${key} in ${file}; there are api, `)
  expect(fault?.isLost).toBe(false)
  expect(others).toEqual([])
})

test('the secret of config.json goes only to the node of config.json', () => {
  const config = ofPlugin({ api: '/ip4/1.1.1.1/tcp/1', apiAuthFile: '/secret', apiCa: '/ca' })
  expect(nodeSettings(settings(config), undefined)).toMatchObject({
    authFile: { text: '/secret' },
    ca: { text: '/ca' },
  })
  expect(nodeSettings(settings(config), '/ip4/2.2.2.2/tcp/2')).toEqual({
    api: { text: '/ip4/2.2.2.2/tcp/2', source: '--api', inFile: false },
  })
  const env = { DOCKER_IPFS_API: '/ip4/2.2.2.2/tcp/2', DOCKER_IPFS_API_AUTH: 'token' }
  expect(Object.keys(nodeSettings(settings(config, env), undefined)).sort()).toEqual(['api', 'auth'])
})
