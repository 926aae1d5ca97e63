import { beforeAll, describe, expect, test } from 'bun:test'
import { ENGINES } from '../support/engine.ts'
import { GOLDEN } from '../support/images.ts'
import type { KuboNode } from '../support/kubo-node.ts'
import type { Finished } from '../support/place.ts'
import { useReal } from '../support/real.ts'

const real = useReal({ engines: ENGINES, nodes: ['node'] })
const node = () => real.node()
const engine = () => real.engine(ENGINES[0] ?? '')
const NOWHERE = { api: '/ip4/127.0.0.1/tcp/1' }
/** The CID of nothing that anybody has. */
const UNKNOWN = 'bafybeicvr4t4hrini33pyeuoxipcgy33fihteotbmxogildld4avvkhcqa'

/** A quiet run that fails: its exit code and each line of stderr. */
function expectError(run: Finished, exitCode: number, ...lines: unknown[]): void {
  expect({ ...run, stderr: run.stderr.trimEnd().split('\n') }).toMatchObject({ exitCode, stdout: '', stderr: lines })
}

/** Puts something into the node unpinned, and gives its CID. */
async function add(to: KuboNode, files: Readonly<Record<string, string>>): Promise<string> {
  const form = new FormData()
  for (const [path, text] of Object.entries(files)) form.append('file', new Blob([text]), encodeURIComponent(path))
  const wrap = Object.keys(files).length > 1
  const text = await to.rpc(`add?pin=false&cid-version=1&wrap-with-directory=${wrap}`, form)
  return (JSON.parse(text.trimEnd().split('\n').at(-1) ?? '') as { Hash: string }).Hash
}

describe('without an engine', () => {
  test.each(['save', 'load', 'push'])('%s says so and how to go on', async (command) => {
    const nowhere = engine().behind({ host: `unix://${real.place.folder}/nothing.sock` })
    const run = await real.leavingNothing(() => nowhere.ipfs(node(), command, '-q', UNKNOWN))
    expectError(
      run,
      3,
      `ERROR: cannot reach the Docker engine: Cannot connect to the Docker daemon at unix://${real.place.folder}/nothing.sock. Is the docker daemon running?`,
      'Start Docker, or choose another engine with --context or -H.',
    )
  })

  test('a docker that is not on PATH, and is needed to get to the engine, is named', async () => {
    const { PLUGIN } = await import('../support/place.ts')
    const far = ['-H', 'tcp://127.0.0.1:1', 'load', '-q', UNKNOWN]
    const run = await real.leavingNothing(() =>
      real.place.run(PLUGIN, far, { env: { PATH: '/nowhere', DOCKER_IPFS_API: node().api } }),
    )
    expectError(run, 3, 'ERROR: cannot find the docker command', 'Install Docker, or put it on PATH.')
  })
})

describe('without a node', () => {
  beforeAll(async () => {
    await engine().docker('image', 'tag', await engine().give(GOLDEN.tiny()), 'tiny:1')
  })

  test.each([
    ['save', 'tiny:1'],
    ['push', 'tiny:1'],
    ['load', UNKNOWN],
  ])('%s says so and how to start one', async (command, argument) => {
    const run = await real.leavingNothing(() => engine().ipfs(NOWHERE, command, '-q', argument))
    expectError(
      run,
      3,
      'ERROR: cannot reach the IPFS node at http://127.0.0.1:1',
      'Start it, or name another: this address is from DOCKER_IPFS_API.',
    )
  })
})

describe.each(ENGINES)('%s', (name) => {
  test.each(['save', 'push'])('%s of an image that it does not have', async (command) => {
    const run = await real.leavingNothing(() => real.engine(name).ipfs(node(), command, '-q', 'nosuch:1'))
    expectError(run, 4, 'ERROR: No such image: nosuch:1', 'See "docker image ls" for the images of this engine.')
  })

  test('an image that it does not have, behind one that it has: the first CID stands', async () => {
    const id = await real.engine(name).give(GOLDEN.tiny())
    const run = await real.engine(name).ipfs(node(), 'save', '-q', id, 'nosuch:1')
    expect(run).toMatchObject({ exitCode: 4, stdout: expect.stringMatching(/^bafybei[a-z2-7]{52}\n$/) })
    expect(run.stderr).toStartWith('ERROR: No such image: nosuch:1\n')
    expect(await real.traces()).toMatchObject({ processes: [], files: [] })
  })
})

describe('load of', () => {
  const load = (reference: string, ...flags: string[]) =>
    real.leavingNothing(() => engine().ipfs(node(), 'load', '-q', ...flags, reference))

  test('a CID that nobody has ends at the time limit', async () => {
    const run = await load(UNKNOWN, '--timeout', '3s')
    expectError(
      run,
      4,
      `ERROR: no node gave ${UNKNOWN} within 3 s`,
      'Check the CID, and that a node which has it is running and reachable; --timeout waits longer.',
    )
    expect(run.ms).toBeGreaterThan(3000)
    expect(run.ms).toBeLessThan(6000)
  })

  test.each([
    ['a small file', { file: 'Hello\n' }],
    ['a file of several blocks', { file: 'x'.repeat(600_000) }],
  ])('%s', async (_, files) => {
    const cid = await add(node(), files)
    expectError(await load(cid), 1, `ERROR: ${cid} is not an image saved by docker ipfs: it is a file, not a directory`)
  })

  test('a directory that is no image', async () => {
    const cid = await add(node(), { 'index.html': '<h1>Hello</h1>', 'style.css': '' })
    expectError(await load(cid), 1, `ERROR: ${cid} is not an image saved by docker ipfs: it lacks index.json`)
  })

  test('a directory that looks like an image', async () => {
    const cid = await add(node(), { 'index.json': '{', 'oci-layout': '{}', 'blobs/sha256/x': '' })
    expectError(await load(cid), 1, `ERROR: index.json of ${cid} cannot be read: it is no JSON`)
  })

  test.each(['Nonsense!', `${UNKNOWN}/image.tar`, UNKNOWN.slice(0, -1)])('%s, which is no CID', async (text) => {
    expectError(
      await load(text),
      1,
      `ERROR: "${text}" is not a CID`,
      'Give what "docker ipfs save" printed: a CID, ipfs://CID or /ipfs/CID.',
    )
  })

  test('a name that the catalogue lacks', async () => {
    expectError(
      await load('nonsense'),
      4,
      `ERROR: no image of the name "nonsense" on the node at http://127.0.0.1:${node().api.split('/').at(-1)}`,
      'Give a CID, or a name that was saved to this node.',
    )
  })
})

test.each(['localhost:5001', '/ip4/127.0.0.1', 'ftp://127.0.0.1'])('--api %s cannot be read', async (api) => {
  const run = await real.leavingNothing(() => engine().ipfs(node(), 'save', '-q', '--api', api, 'tiny:1'))
  expectError(
    run,
    125,
    `ERROR: cannot read the node's address "${api}" (from --api)`,
    'Give a multiaddr such as /ip4/127.0.0.1/tcp/5001, a URL such as http://127.0.0.1:5001, or unix:///path/to/socket.',
  )
})
