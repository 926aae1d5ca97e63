import { beforeEach, describe, expect, test } from 'bun:test'
import { copies } from '../../../../../src/cli/commands/copies/copies.ts'
import { keep } from '../../../../../src/cli/commands/copies/keep.ts'
import { push } from '../../../../../src/cli/commands/push.ts'
import { rm } from '../../../../../src/cli/commands/rm.ts'
import { tag } from '../../../../../src/cli/commands/tag.ts'
import { isLeaf } from '../../../../../src/dag/blocks.ts'
import { parseCid } from '../../../../../src/dag/cid.ts'
import { APP, TINY, twoSavedImages } from '../../../../support/command.ts'
import { MemoryNode } from '../../../../support/memory/node.ts'
import { goAway, MemoryRemotes } from '../../../../support/memory/remotes.ts'

let nas: MemoryNode
let vault: MemoryNode
let remotes: MemoryRemotes
let saved: Awaited<ReturnType<typeof twoSavedImages>>
const run = (...[command, ...argv]: Parameters<typeof saved.run>) => saved.run(command, ...argv)
beforeEach(async () => {
  nas = new MemoryNode('nas')
  vault = new MemoryNode('vault')
  remotes = new MemoryRemotes()
  remotes.node('nas', nas)
  remotes.node('vault', vault)
  saved = await twoSavedImages({ remotes })
})
const states = async (...argv: string[]) =>
  (await run(copies, '--format', '{{.Place}} {{.State}}', ...argv)).stdout.trim().split('\n')
/** The largest that a node has is of `app:1`. */
const loseLeaf = ({ blocks: { blocks } }: MemoryNode) => {
  const leaves = [...blocks].filter(([cid]) => isLeaf(parseCid(cid)))
  const [lost] = leaves.sort(([, a], [, b]) => b.length - a.length)
  blocks.delete(lost?.[0] ?? '')
}

describe('keep', () => {
  test('writes rules down, lists and removes them', async () => {
    expect(await run(keep, '2')).toMatchObject({ exitCode: 0, stdout: '*: 2\n', stderr: '' })
    await run(keep, '3', 'shop')
    expect(await run(keep, '4', 'shop')).toMatchObject({ stdout: 'shop: 4\n' })
    expect((await run(keep, 'ls')).stdout).toBe('PATTERN   COPIES\n*         2\nshop      4\n')
    expect(await run(keep, 'rm', 'shop')).toMatchObject({ exitCode: 0, stdout: 'Removed: shop\n' })
    expect(await run(keep, 'rm', 'shop')).toMatchObject({
      exitCode: 1,
      stderr: 'ERROR: there is no rule for shop\n"docker ipfs keep ls" lists the rules.\n',
    })
    expect(await run(keep, 'rm')).toMatchObject({ stdout: 'Removed: *\n' })
    expect((await run(keep, 'ls', '--format', 'json')).stdout).toBe('')
  })

  test.each([
    ['0'],
    ['101'],
    ['1.5'],
    ['two'],
    ['-1'],
    ['1e1'],
    ['2', 'a b'],
    ['2', ''],
    ['2', '\u001b[2J'],
  ] as string[][])('refuses %s %s', async (...argv: string[]) => {
    expect((await run(keep, '--', ...argv)).exitCode).toBe(125)
    expect((await run(keep, 'ls', '--format', 'json')).stdout).toBe('')
  })

  test('what somebody wrote there and is no rule is none', async () => {
    const { signal } = new AbortController()
    for (const text of [
      'nonsense',
      '{"rules":{}}',
      '{"rules":[null,{"copies":"2"},{"copies":0},{"copies":2,"pattern":7}]}',
    ]) {
      await saved.node.folder.write('keep.json', Buffer.from(text), signal)
      expect((await run(keep, 'ls', '--format', 'json')).stdout).toBe('')
      expect((await run(copies)).exitCode).toBe(0)
    }
  })
})

describe('where a rule wants two copies', () => {
  beforeEach(() => run(keep, '2'))

  test('one is too few, and the images are named', async () => {
    const { exitCode, stderr } = await run(copies)
    expect(exitCode).toBe(1)
    expect(stderr).toStartWith('ERROR: not all copies are as they should be: app:1 (1 of 2), tiny:1 (1 of 2)\n')
  })

  test('a rule with a pattern goes before the one for all', async () => {
    await run(keep, '1', 'tiny')
    expect((await run(copies, 'tiny:1')).exitCode).toBe(0)
    await run(keep, '3', 'tiny:*')
    expect((await run(copies, 'tiny:1')).stderr).toContain('tiny:1 (1 of 3)')
  })

  test('push makes the second by itself, and no third', async () => {
    expect(await run(push, '-q', 'app:1')).toMatchObject({ exitCode: 0, stderr: '' })
    expect([nas.pins.names.get(APP), vault.pins.names.get(APP)]).toEqual(['app:1', undefined])
    expect((await run(copies, 'app:1')).exitCode).toBe(0)
  })

  test('push says what it could not do', async () => {
    for (const node of [nas, vault]) goAway(node)
    expect(await run(push, '-q', 'app:1')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^ERROR: app:1 is saved, and has 1 of 2 copies\n/),
    })
  })

  test('a repair makes it, mends what is hurt, and leaves what is well', async () => {
    await run(push, '-q', '--to', 'vault', 'app:1')
    loseLeaf(vault)
    expect(await states('app:1')).toEqual(['local complete', 'nas absent', 'vault partial'])
    expect((await run(copies, '--repair')).exitCode).toBe(0)
    expect(await states('app:1')).toEqual(['local complete', 'nas absent', 'vault complete'])
    expect(await states('tiny:1')).toEqual(['local complete', 'nas complete', 'vault absent'])
    const again = await run(copies, '--repair')
    expect(again).toMatchObject({ exitCode: 0, stderr: '' })
  })

  test('a repair mends our own copy from another that is whole', async () => {
    await run(push, '-q', '--to', 'nas', 'app:1')
    loseLeaf(saved.node)
    expect((await states('app:1'))[0]).toBe('local partial')
    saved.node.neighbours.push(nas)
    expect((await run(copies, '--repair', 'app:1')).exitCode).toBe(0)
    expect(await states('app:1')).toEqual(['local complete', 'nas complete', 'vault absent'])
  })

  test('a repair says where nobody has all of it', async () => {
    loseLeaf(saved.node)
    const { exitCode, stderr } = await run(copies, '--repair', APP)
    expect(exitCode).toBe(1)
    expect(stderr).toContain(`WARNING: app:1: no node has all of ${APP}\n`)
  })

  test('a place that is lost for good is made up for at another', async () => {
    await run(push, '-q', '--to', 'nas', 'app:1', 'tiny:1')
    goAway(nas)
    expect((await run(copies)).exitCode).toBe(1)
    expect((await run(copies, '--repair')).exitCode).toBe(0)
    expect([...vault.pins.names.keys()].sort()).toEqual([APP, TINY].sort())
  })
})

describe('rm', () => {
  const left = () => [...saved.node.pins.names.keys()].includes(APP)

  test('asks nobody where no rule is for the image', async () => {
    await run(keep, '2', 'other')
    for (const node of [nas, vault]) goAway(node)
    expect((await run(rm, 'app:1')).exitCode).toBe(0)
  })

  test('refuses to go below the rule: one other copy, where two are wanted', async () => {
    await run(push, '-q', '--to', 'nas', 'app:1')
    await run(keep, '2')
    const { exitCode, stdout, stderr } = await run(rm, 'app:1')
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
    expect(stderr).toStartWith(
      `ERROR: ${APP} must stay: 2 complete elsewhere are wanted, and 1 found (nas complete, vault absent)\n`,
    )
    expect(left()).toBe(true)
    expect((await run(rm, 'app:1', '--force')).exitCode).toBe(0)
    expect(left()).toBe(false)
  })

  test('refuses where the other copy is not whole, does not answer, or is not trusted', async () => {
    await run(push, '-q', '--to', 'nas', 'app:1')
    await run(keep, '1')
    loseLeaf(nas)
    expect((await run(rm, 'app:1')).stderr).toContain('0 found (nas partial, 1 missing, vault absent)')
    goAway(nas)
    expect((await run(rm, 'app:1')).stderr).toContain('nas unreachable')
    remotes.node('vault', vault, { isUntrusted: true })
    await run(push, '-q', '--to', 'vault', 'app:1')
    expect((await run(rm, 'app:1')).stderr).toContain('vault complete, untrusted')
    expect(left()).toBe(true)
  })

  test('goes on with the next image', async () => {
    await run(push, '-q', '--to', 'nas', 'tiny:1')
    await run(keep, '1')
    expect(await run(rm, 'app:1', 'tiny:1')).toMatchObject({
      exitCode: 1,
      stdout: `Untagged: tiny:1\nDeleted: ${TINY}\n`,
    })
  })

  test('takes one of several names away without asking', async () => {
    await run(keep, '1')
    await run(tag, 'app:1', 'app:2')
    expect(await run(rm, 'app:2')).toMatchObject({ exitCode: 0, stdout: 'Untagged: app:2\n' })
    expect(left()).toBe(true)
  })
})
