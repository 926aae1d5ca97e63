import { beforeEach, describe, expect, test } from 'bun:test'
import { copies } from '../../../../../src/cli/commands/copies/copies.ts'
import { push } from '../../../../../src/cli/commands/push.ts'
import { isLeaf, linksOf } from '../../../../../src/dag/blocks.ts'
import { type CID, parseCid } from '../../../../../src/dag/cid.ts'
import { APP, runCommand, TINY, twoSavedImages } from '../../../../support/command.ts'
import { MemoryNode } from '../../../../support/memory/node.ts'
import { goAway, MemoryRemotes } from '../../../../support/memory/remotes.ts'

let nas: MemoryNode
let remotes: MemoryRemotes
let saved: Awaited<ReturnType<typeof twoSavedImages>>
beforeEach(async () => {
  nas = new MemoryNode('nas')
  remotes = new MemoryRemotes()
  remotes.node('nas', nas)
  saved = await twoSavedImages({ remotes })
  await saved.run(push, '-q', '--to', 'nas', 'app:1')
})

const look = (...argv: string[]) => saved.run(copies, ...argv)
/** What is said of the image in JSON, by place. */
async function states(...argv: string[]) {
  const { exitCode, stdout, stderr } = await look('--format', 'json', ...argv)
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  return { exitCode, stderr, rows, of: (place: string) => rows.find(({ Place }) => Place === place) ?? {} }
}
function below(root: string, wanted: (cid: CID) => boolean): CID[] {
  const found = new Map<string, CID>()
  const walk = (cid: CID) => {
    if (wanted(cid)) found.set(cid.toString(), cid)
    if (!isLeaf(cid))
      for (const link of linksOf({ cid, bytes: saved.node.blocks.own(cid) ?? Buffer.alloc(0) })) walk(link.cid)
  }
  walk(parseCid(root))
  return [...found.values()]
}
const leaves = () => below(APP, isLeaf)
const lose = (cid: CID | undefined) => nas.blocks.blocks.delete(String(cid))

test('an image that two nodes keep whole has two complete copies', async () => {
  const { exitCode, stdout, stderr } = await look('app:1')
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  const count = below(APP, () => true).length
  expect(stdout).toMatch(/^PLACE +STATE +BLOCKS +CHECKED +HOW\n/)
  expect(stdout.match(/^(local|nas) +complete +(\d+) .* ago +all counted, \d+ read$/gm)).toHaveLength(2)
  expect((await states('app:1')).of('nas')).toMatchObject({
    Blocks: count,
    Missing: 0,
    Lost: [],
    Trusted: true,
    CID: APP,
  })
})

test('without a reference all images of the node are looked at', async () => {
  const { exitCode, rows } = await states()
  expect(exitCode).toBe(0)
  expect(rows.map(({ Image, Place, State }) => `${Image} ${Place} ${State}`)).toEqual([
    'app:1 local complete',
    'app:1 nas complete',
    'tiny:1 local complete',
    'tiny:1 nas absent',
  ])
  expect((await look()).stdout).toMatch(/^IMAGE +PLACE /)
})

describe('a copy that is not whole', () => {
  test.each([0, 3, -1])('lacks one leaf, which is named: number %d', async (at) => {
    const lost = leaves().at(at)
    lose(lost)
    const { exitCode, stderr, of } = await states('app:1')
    expect(exitCode).toBe(1)
    expect(of('nas')).toMatchObject({ State: 'partial', Missing: 1, Lost: [String(lost)] })
    expect(of('local')).toMatchObject({ State: 'complete' })
    expect(stderr).toStartWith(
      `WARNING: nas, app:1: lost ${lost}\nERROR: not all copies are as they should be: app:1 (1 of 1)\n`,
    )
  })

  test('lacks a node of the DAG: what is below is told from ours, and only what is lost counts', async () => {
    const lost = below(APP, (cid) => !isLeaf(cid)).at(-1)
    lose(lost)
    expect((await states('app:1')).of('nas')).toMatchObject({
      State: 'partial',
      Missing: 1,
      Lost: [String(lost)],
      Blocks: below(APP, () => true).length,
    })
  })

  test('lacks all but its pin', async () => {
    nas.blocks.blocks.clear()
    const { exitCode, of } = await states('app:1')
    const count = below(APP, () => true).length
    expect({ exitCode, nas: of('nas') }).toMatchObject({
      exitCode: 1,
      nas: { State: 'partial', Missing: count, Blocks: count },
    })
  })

  test('has wrong bytes in a leaf that is read', async () => {
    const [wrong] = leaves()
    nas.blocks.blocks.set(String(wrong), Buffer.from('something else'))
    expect((await states('--all', 'app:1')).of('nas')).toMatchObject({ State: 'partial', Lost: [String(wrong)] })
  })

  test('is whole, and not pinned: it is there until garbage collection, and does not count', async () => {
    await nas.pins.unpin(parseCid(APP))
    const { exitCode, of } = await states('app:1')
    expect({ exitCode, state: of('nas')['State'] }).toEqual({ exitCode: 0, state: 'unpinned' })
  })

  test('is ours', async () => {
    saved.node.blocks.blocks.delete(String(leaves()[0]))
    const { exitCode, of } = await states('app:1')
    expect({ exitCode, local: of('local'), nas: of('nas') }).toMatchObject({
      exitCode: 1,
      local: { State: 'partial', Missing: 1 },
      nas: { State: 'complete' },
    })
  })
})

test('a place that does not answer is asked once, and what it had before is told', async () => {
  await look('app:1')
  goAway(nas)
  const { exitCode, stderr, rows } = await states()
  expect(exitCode).toBe(0)
  expect(rows.filter(({ Place }) => Place === 'nas').map(({ State, How }) => [State, How])).toEqual([
    ['unreachable', 'complete before'],
    ['unreachable', 'never seen'],
  ])
  expect(stderr).toBe('WARNING: nas: cannot reach the IPFS node at nas\n')
})

test('what somebody wrote beside the catalogue is no proof, and does no harm', async () => {
  const { signal } = new AbortController()
  goAway(nas)
  for (const text of [
    'nonsense',
    '{"places":[]}',
    '{"places":{"nas":{"state":"complete\\u001b[2J","how":"x","at":"y"}}}',
  ]) {
    await saved.node.folder.write(`copies/${APP}.json`, Buffer.from(text), signal)
    expect((await states('app:1')).of('nas')).toMatchObject({ State: 'unreachable', How: 'never seen' })
  }
})

test('no complete copy that counts is an error', async () => {
  remotes = new MemoryRemotes()
  remotes.node('nas', nas, { isUntrusted: true })
  saved = { ...saved, ...(await twoSavedImages({ remotes })) }
  await saved.run(push, '-q', '--to', 'nas', 'app:1')
  await saved.node.pins.unpin(parseCid(APP))
  const { exitCode, of } = await states('app:1')
  expect({ exitCode, nas: of('nas') }).toMatchObject({ exitCode: 1, nas: { State: 'complete', Trusted: false } })
})

test('a CID that our node does not have is asked for elsewhere, and nothing is written', async () => {
  const other = new MemoryNode('other')
  const top = await other.catalogue.top(new AbortController().signal)
  const { exitCode, stdout } = await runCommand(copies, ['--format', '{{.Place}} {{.State}}', APP], {
    node: other,
    remotes,
  })
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'local absent\nnas complete\n' })
  expect(await other.catalogue.top(new AbortController().signal)).toEqual(top)
})

test('an image without a remote is at our node alone', async () => {
  const alone = await twoSavedImages({ remotes: new MemoryRemotes() })
  expect(await alone.run(copies, '--format', '{{.Place}} {{.State}}', TINY)).toMatchObject({
    exitCode: 0,
    stdout: 'local complete\n',
  })
})
