import { beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { base32 } from 'multiformats/bases/base32'
import { CID } from 'multiformats/cid'
import { ENGINES } from '../support/engine.ts'
import { GOLDEN, GOLDEN_ROOTS } from '../support/images.ts'
import type { KuboNode } from '../support/kubo-node.ts'
import { useReal } from '../support/real.ts'

const [ENGINE = ''] = ENGINES
const LARGE = GOLDEN_ROOTS.large

describe('copies at other nodes', () => {
  const real = useReal({ engines: [ENGINE], nodes: ['here', 'nas', 'vault'] })
  const ipfs = (...args: string[]) => real.engine(ENGINE).ipfs(real.node('here'), ...args)
  const push = (...args: string[]) => ipfs('push', '-q', '--timeout', '15s', ...args, 'large:1')

  beforeAll(async () => {
    const id = await real.engine(ENGINE).give(GOLDEN.large())
    await real.engine(ENGINE).docker('tag', id, 'large:1')
    for (const name of ['nas', 'vault']) {
      const run = await ipfs('remote', 'add', name, real.node(name).api)
      expect(run).toMatchObject({ exitCode: 0, stdout: `${name}\n` })
      expect(run.stderr).toMatch(new RegExp(`^${name} is Kubo 0\\.\\d+\\.\\d+\n$`))
    }
  })
  beforeEach(() => Promise.all(['nas', 'vault'].map((name) => real.node(name).empty())))

  const leavesOf = async (node: KuboNode) =>
    (await node.rpc(`refs?arg=${LARGE}&recursive=true&unique=true`)).match(/bafkrei[a-z2-7]+/g) ?? []

  test('a push hands the image to each of them, which it did not know before, and they pin it', async () => {
    const run = await push('--to', 'nas,vault')
    expect(run).toMatchObject({ exitCode: 0, stdout: `${LARGE}\n`, stderr: '' })
    expect(await real.node('nas').pins()).toEqual([LARGE])
    expect(await real.node('vault').pins()).toEqual([LARGE])
    const again = await push('--to', 'nas', '--to', 'vault')
    expect(again).toMatchObject({ exitCode: 0, stderr: '' })
  })

  test('it is sent to a node that nobody can reach, only with what that lacks', async () => {
    await push('--to', 'nas')
    const [lost = ''] = await leavesOf(real.node('nas'))
    await real.node('nas').rpc(`pin/rm?arg=${LARGE}`)
    await real.node('nas').rpc(`block/rm?arg=${lost}`)
    await Promise.all(['here', 'nas'].map((name) => listening(real.node(name), false)))
    try {
      const run = await ipfs('push', '--progress', 'plain', '--to', 'nas', 'large:1')
      expect(run).toMatchObject({ exitCode: 0, stdout: `${LARGE}\n` })
      expect(run.stderr).toMatch(/^nas: Complete {2}[\d.]+[kM]B$/m)
      expect(await real.node('nas').pins()).toEqual([LARGE])
      expect(await leavesOf(real.node('nas'))).toContain(lost)
    } finally {
      await Promise.all(['here', 'nas'].map((name) => listening(real.node(name), true)))
    }
  })

  test('a leaf that was lost there is named while the node still says pinned, and comes back', async () => {
    await push('--to', 'nas,vault')
    const [lost = ''] = await leavesOf(real.node('nas'))
    await loseAt(real.node('nas'), lost)
    expect(await real.node('nas').pins()).toEqual([LARGE])
    const run = await ipfs('copies', '--format', '{{.Place}} {{.State}} {{.Missing}} {{.Lost}}', 'large:1')
    expect(run).toMatchObject({
      exitCode: 1,
      stdout: `local complete 0 []\nnas partial 1 [${lost}]\nvault complete 0 []\n`,
    })
    expect(run.stderr).toContain(`WARNING: nas, large:1: lost ${lost}\n`)
    expect(await push('--to', 'nas')).toMatchObject({ exitCode: 0, stderr: '' })
    const after = await ipfs('copies', '--all', '--format', '{{.Place}} {{.State}}')
    expect(after).toMatchObject({ exitCode: 0, stdout: 'local complete\nnas complete\nvault complete\n', stderr: '' })
  })

  test('a place that is lost for good is made up for, and rm leaves as many as a rule wants', async () => {
    expect(await ipfs('keep', '2')).toMatchObject({ exitCode: 0, stdout: '*: 2\n' })
    await push('--to', 'nas')
    await real.node('nas').stop()
    try {
      const before = await ipfs('copies', 'large:1')
      expect(before.exitCode).toBe(1)
      expect(before.stderr).toContain('ERROR: not all copies are as they should be: large:1 (1 of 2)\n')
      const after = await ipfs('copies', '--repair', '--format', '{{.Place}} {{.State}}', 'large:1')
      expect(after).toMatchObject({ exitCode: 0, stdout: 'local complete\nnas unreachable\nvault complete\n' })
      const gone = await ipfs('rm', 'large:1')
      expect(gone).toMatchObject({ exitCode: 1, stdout: '' })
      expect(gone.stderr).toContain('2 complete elsewhere are wanted, and 1 found (nas unreachable, vault complete)')
      expect(await real.node('here').pins()).toEqual([LARGE])
    } finally {
      await real.node('nas').restart()
    }
    expect(await ipfs('rm', 'large:1')).toMatchObject({ exitCode: 0 })
    expect(await real.node('here').pins()).toEqual([])
    expect(await ipfs('keep', 'rm')).toMatchObject({ exitCode: 0 })
  })

  test('wrong bytes on the disk of a node are found where all is read', async () => {
    await push('--to', 'nas')
    const [wrong = ''] = await leavesOf(real.node('nas'))
    await changeAt(real.node('nas'), wrong)
    const run = await ipfs('copies', '--all', '--format', '{{.Place}} {{.State}} {{.Lost}}', 'large:1')
    expect(run).toMatchObject({ exitCode: 1, stdout: `local complete []\nnas partial [${wrong}]\nvault absent []\n` })
  })

  test('a place that is down is told, after the others have it', async () => {
    await real.node('nas').stop()
    try {
      const run = await push('--to', 'nas,vault')
      expect(run).toMatchObject({ exitCode: 3, stdout: `${LARGE}\n` })
      expect(run.stderr).toStartWith('ERROR: cannot reach the IPFS node at http://127.0.0.1:')
      expect(await real.node('vault').pins()).toEqual([LARGE])
    } finally {
      await real.node('nas').restart()
    }
  })

  test('a name that is no remote is told before anything is saved', async () => {
    await real.node('here').empty()
    expect(await push('--to', 'nowhere')).toMatchObject({
      exitCode: 4,
      stdout: '',
      stderr: 'ERROR: there is no remote "nowhere"\nThere are nas, vault.\n',
    })
    expect(await real.node('here').pins()).toEqual([])
  })
})

/** Takes a block from a node's disk: by its API a node gives no block away that is pinned. */
async function loseAt(node: KuboNode, cid: string): Promise<void> {
  await node.stop()
  await rm(fileOf(node, cid))
  await node.restart()
}

async function changeAt(node: KuboNode, cid: string): Promise<void> {
  await node.stop()
  const bytes = await readFile(fileOf(node, cid))
  await writeFile(fileOf(node, cid), bytes.fill(7, 0, 8))
  await node.restart()
}

/** Where Kubo keeps a block. */
function fileOf(node: KuboNode, cid: string): string {
  const key = base32.encode(CID.parse(cid).multihash.bytes).slice(1).toUpperCase()
  return join(node.repo, 'blocks', key.slice(-3, -1), `${key}.data`)
}

/** Has a node listen, or not, for others. */
async function listening(node: KuboNode, yes: boolean): Promise<void> {
  await node.stop()
  await node.configure((config) => {
    config['Addresses'] = { ...config['Addresses'], Swarm: yes ? [node.swarm.replace(/\/p2p\/.*$/, '')] : [] }
  })
  await node.restart()
}
