import { afterAll, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findNode, parseApi } from '../../../../src/store/kubo/endpoint.ts'

const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-endpoint-'))
afterAll(() => rmSync(folder, { recursive: true }))

test.each([
  ['/ip4/127.0.0.1/tcp/5001', 'http://127.0.0.1:5001'],
  ['/ip4/127.0.0.1/tcp/5001/http', 'http://127.0.0.1:5001'],
  ['/ip4/10.0.0.1/tcp/80', 'http://10.0.0.1'],
  ['/ip4/10.0.0.1/tcp/443/https', 'https://10.0.0.1'],
  ['/ip6/::1/tcp/5001', 'http://[::1]:5001'],
  ['/dns/node.example/tcp/5001', 'http://node.example:5001'],
  ['/dns4/node.example/tcp/5001/https', 'https://node.example:5001'],
  ['/dns6/node.example/tcp/5001/tls/http', 'https://node.example:5001'],
  ['/dns/node.example/tcp/5001/tls', 'https://node.example:5001'],
  ['http://127.0.0.1:5001', 'http://127.0.0.1:5001'],
  ['http://127.0.0.1:5001/', 'http://127.0.0.1:5001'],
  ['http://[::1]:5001', 'http://[::1]:5001'],
  ['https://node.example', 'https://node.example'],
  ['https://node.example/kubo/', 'https://node.example/kubo'],
])('%s is the node at %s', (text, url) => {
  expect(parseApi(text, '--api')).toEqual({ url, source: '--api' })
})

test.each([
  ['unix:///run/ipfs.sock', '/run/ipfs.sock'],
  ['/unix/run/ipfs.sock', '/run/ipfs.sock'],
  ['/unix/run/my%20ipfs.sock', '/run/my ipfs.sock'],
])('%s is the node at the socket %s', (text, socket) => {
  expect(parseApi(text, '--api')).toMatchObject({ socket })
})

test('a name and a password in a URL are taken out of it', () => {
  expect(parseApi('https://name:p%40ss@node.example/kubo', '--api')).toEqual({
    url: 'https://node.example/kubo',
    source: '--api',
    authorization: `Basic ${btoa('name:p@ss')}`,
  })
})

test('a password in an address that cannot be read is not shown', () => {
  expect(() => parseApi('htps://name:secret@node.example', '--api')).toThrow(
    'cannot read the node\'s address "…@node.example" (from --api)',
  )
})

test('a password of the address goes before the secret of the settings', async () => {
  const api = { text: 'http://name:word@node.example', source: '--api' }
  const found = await findNode({ api, env: {}, access: { authorization: 'Bearer other', ca: 'pem' } })
  expect(found).toMatchObject({ authorization: `Basic ${btoa('name:word')}`, ca: 'pem' })
})

test.each([
  '',
  ' ',
  '127.0.0.1:5001',
  'localhost',
  'ftp://127.0.0.1:5001',
  'http://',
  'http://:5001',
  'http://127.0.0.1:99999',
  '/ip4/127.0.0.1',
  '/ip4/127.0.0.1/tcp',
  '/ip4/127.0.0.1/tcp/',
  '/ip4/127.0.0.1/tcp/http',
  '/ip4/127.0.0.1/tcp/99999',
  '/ip4/127.0.0.1/udp/5001',
  '/ip4/127.0.0.1/tcp/5001/ws',
  '/ip4/127.0.0.1/tcp/5001/p2p/12D3KooW',
  '/ip4/300.0.0.1/tcp/5001',
  '/ip6/127.0.0.1.5/tcp/5001',
  'ip4/127.0.0.1/tcp/5001',
])('%j is no address, and the error says where it is from', (text) => {
  expect(() => parseApi(text, 'DOCKER_IPFS_API')).toThrow(
    expect.objectContaining({
      code: 'BAD_FLAG',
      message: `cannot read the node's address "${text}" (from DOCKER_IPFS_API)`,
    }),
  )
})

/** A folder as IPFS_PATH or HOME may name it, with or without an api file. */
function place(name: string, api: string | undefined): string {
  const path = join(folder, name)
  mkdirSync(path, { recursive: true })
  if (api !== undefined) writeFileSync(join(path, 'api'), api)
  return path
}

test('what the user says comes first, then the file of IPFS_PATH, that of the home folder, and then the default', async () => {
  const repo = place('repo', '/ip4/127.0.0.1/tcp/3')
  place('home/.ipfs', '/ip4/127.0.0.1/tcp/4')
  const home = join(folder, 'home')
  const found = async (env: Record<string, string>, text?: string) => {
    const { url, source } = await findNode({ env, ...(text === undefined ? {} : { api: { text, source: '--api' } }) })
    return [url, source]
  }
  const both = { IPFS_PATH: repo, HOME: home }
  expect(await found(both, '/ip4/127.0.0.1/tcp/1')).toEqual(['http://127.0.0.1:1', '--api'])
  expect(await found(both)).toEqual(['http://127.0.0.1:3', join(repo, 'api')])
  expect(await found({ HOME: home })).toEqual(['http://127.0.0.1:4', join(home, '.ipfs/api')])
  expect(await found({ HOME: place('empty', undefined) })).toEqual(['http://127.0.0.1:5001', 'the default'])
})

test('variables that are set to nothing, and files that are missing or empty, are passed over', async () => {
  const env = { IPFS_PATH: '', HOME: place('nobody', undefined) }
  expect(await findNode({ env })).toMatchObject({ source: 'the default' })
  expect(await findNode({ env: { ...env, IPFS_PATH: place('blank', ' \n') } })).toMatchObject({ source: 'the default' })
  expect(await findNode({ env: { ...env, IPFS_PATH: '/nowhere' } })).toMatchObject({ source: 'the default' })
})

test('an api file may end with a line end', async () => {
  const env = { IPFS_PATH: place('lines', '/ip4/127.0.0.1/tcp/7\n'), HOME: folder }
  expect(await findNode({ env })).toMatchObject({ url: 'http://127.0.0.1:7' })
})

test('an empty --api is an error, and so is an api file with something else in it', async () => {
  await expect(findNode({ api: { text: '', source: '--api' }, env: {} })).rejects.toMatchObject({ code: 'BAD_FLAG' })
  const repo = place('broken', 'nonsense')
  await expect(findNode({ env: { IPFS_PATH: repo } })).rejects.toMatchObject({
    code: 'BAD_FLAG',
    message: `cannot read the node's address "nonsense" (from ${join(repo, 'api')})`,
  })
})
