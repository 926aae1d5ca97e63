import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { save } from '../../../../src/cli/commands/save.ts'
import { APP, runCommand, type Surroundings, TINY } from '../../../support/command.ts'
import { archiveOci, GOLDEN, twoLayers } from '../../../support/images.ts'
import { MemoryEngine } from '../../../support/memory/engine.ts'
import { MemoryNode } from '../../../support/memory/node.ts'

const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-save-'))
afterAll(() => rmSync(folder, { recursive: true }))
const archive = join(folder, 'tiny.tar')
writeFileSync(archive, archiveOci(GOLDEN.tiny(), 'plain'))

let node: MemoryNode
let engine: MemoryEngine
beforeEach(() => {
  node = new MemoryNode()
  engine = new MemoryEngine()
  engine.add(GOLDEN.tiny(), 'tiny:1')
  engine.add(twoLayers(), 'app:1')
})
const run = (argv: readonly string[], more: Surroundings = {}) => runCommand(save, argv, { node, engine, ...more })

describe('save', () => {
  test('prints the CID of each image on stdout, in the order in which they were named', async () => {
    const { exitCode, stdout } = await run(['app:1', 'tiny:1'])
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `${APP}\n${TINY}\n` })
    expect([...node.pins.names.keys()].sort()).toEqual([APP, TINY].sort())
  })

  test('tells on stderr what it does, and that an image was saved before', async () => {
    expect((await run(['tiny:1'])).stderr).toBe('Saving tiny:1\n499a3640152f: Saved  2.048kB\n')
    expect(await run(['tiny:1'])).toMatchObject({ stdout: `${TINY}\n`, stderr: `${TINY} is already saved\n` })
    expect((await run(['--no-cache', 'tiny:1'])).stderr).toStartWith('Saving tiny:1\n')
  })

  test.each(['-q', '--quiet', '--progress=quiet'])('prints nothing but the CID with %s', async (flag) => {
    expect(await run([flag, 'tiny:1'])).toMatchObject({ exitCode: 0, stdout: `${TINY}\n`, stderr: '' })
  })

  test('has progress as objects for programs, on stderr', async () => {
    const { stdout, stderr } = await run(['--progress', 'json', 'tiny:1'])
    expect(stdout).toBe(`${TINY}\n`)
    expect(
      stderr
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toContainEqual({ text: 'Saving tiny:1' })
  })

  test('takes the progress of the settings, unless a flag says otherwise', async () => {
    const defaults = { progress: 'json' }
    expect((await run(['tiny:1'], { defaults })).stderr).toStartWith('{"text":"Saving tiny:1"}\n')
    expect((await run(['--no-cache', '--progress=plain', 'tiny:1'], { defaults })).stderr).toStartWith(
      'Saving tiny:1\n',
    )
  })

  test('of an image that is not there ends with exit code 4; what came before it is saved and printed', async () => {
    expect(await run(['-q', 'tiny:1', 'nope'])).toMatchObject({
      exitCode: 4,
      stdout: `${TINY}\n`,
      stderr: 'ERROR: No such image: nope\nSee "docker image ls" for the images of this engine.\n',
    })
  })

  test('may start a node, but for a dry run and a CAR file', () => {
    const startsNode = (...argv: string[]) => {
      const prepared = save.prepare(argv)
      return prepared !== 'help' && prepared.startsNode
    }
    expect(startsNode('tiny:1')).toBe(true)
    expect(startsNode('-i', archive)).toBe(true)
    expect(startsNode('--dry-run', 'tiny:1')).toBe(false)
    expect(startsNode('-o', 'x.car', 'tiny:1')).toBe(false)
  })
})

describe('a dry run', () => {
  const LINE = new RegExp(`^${TINY}: 8\\.455kB in (\\d+) blocks new, 0B in 0 blocks shared\n$`)

  test('says what would be new, and writes nothing', async () => {
    expect((await run(['--dry-run', 'tiny:1'])).stdout).toMatch(LINE)
    expect(node.blocks.blocks.size).toBe(0)
  })

  test('says what is there already', async () => {
    await run(['tiny:1'])
    const { stdout } = await run(['--dry-run', 'tiny:1'])
    expect(stdout).toMatch(new RegExp(`^${TINY}: 0B in 0 blocks new, 8\\.455kB in \\d+ blocks shared\n$`))
  })

  test('of an image that is not there ends with exit code 4', async () => {
    expect(await run(['--dry-run', 'nope'])).toEqual(
      expect.objectContaining({ exitCode: 4, stdout: '', stderr: 'ERROR: No such image: nope\n' }),
    )
  })

  test('reads an archive too', async () => {
    expect((await run(['--dry-run', '-i', archive])).stdout).toMatch(LINE)
    expect(node.blocks.blocks.size).toBe(0)
  })
})

describe('an archive', () => {
  test('of a file has the CID of the image that it was made from', async () => {
    expect(await run(['-q', '--input', archive])).toMatchObject({ exitCode: 0, stdout: `${TINY}\n`, stderr: '' })
  })

  test('may come through a pipe', async () => {
    expect(await run(['-q', '-i', '-'], { stdin: readFileSync(archive) })).toMatchObject({ stdout: `${TINY}\n` })
  })

  test.each([
    ['-', 1, 'ERROR: requested load from stdin, but stdin is empty\n'],
    [join(folder, 'nope.tar'), 1, `ERROR: open ${join(folder, 'nope.tar')}: no such file or directory\n`],
    [folder, 1, `ERROR: ${folder} is no OCI image layout: it has no index.json\n`],
  ])('that is not there is an error: %s', async (path, exitCode, text) => {
    const { stderr, ...result } = await run(['-i', path])
    expect(result).toMatchObject({ exitCode, stdout: '' })
    expect(stderr).toStartWith(text)
  })
})

describe('a CAR file', () => {
  const path = join(folder, 'tiny.car')

  test('is written in place of the node, and the CID is printed', async () => {
    const { exitCode, stdout, stderr } = await run(['-o', path, 'tiny:1'])
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `${TINY}\n` })
    expect(stderr).toMatch(new RegExp(`${TINY}: [\\d.]+kB in \\d+ blocks\n$`))
    expect(node.blocks.blocks.size).toBe(0)
    expect(existsSync(path)).toBe(true)
  })

  test('goes to stdout alone where that is asked for', async () => {
    await run(['-q', '-o', path, 'tiny:1'])
    const { exitCode, bytes, stderr } = await run(['-q', '-o', '-', 'tiny:1'])
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(bytes.equals(readFileSync(path))).toBe(true)
  })

  test('does not go to a terminal', async () => {
    expect(await run(['-o', '-', 'tiny:1'], { isTerminal: true })).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: 'ERROR: cowardly refusing to save to a terminal. Use the -o flag or redirect\n',
    })
  })

  test('of an archive is that of its image', async () => {
    const other = join(folder, 'other.car')
    await run(['-q', '-o', path, 'tiny:1'])
    expect((await run(['-q', '-i', archive, '-o', other])).stdout).toBe(`${TINY}\n`)
    expect(readFileSync(other).equals(readFileSync(path))).toBe(true)
  })

  test('lacks what another image has, and says how much that is', async () => {
    await run(['tiny:1'])
    const { stdout, stderr } = await run(['-o', path, '--since', TINY, 'tiny:1'])
    expect(stdout).toBe(`${TINY}\n`)
    expect(stderr).toMatch(/ blocks?, \d+ left out\n$/)
  })
})

describe('mistakes', () => {
  test.each([
    [[], 1, "docker: 'docker ipfs save' requires at least 1 argument"],
    [['-i', archive, 'tiny:1'], 1, "docker: 'docker ipfs save --input' accepts no arguments"],
    [['-o', 'x.car', 'tiny:1', 'app:1'], 1, "docker: 'docker ipfs save --output' requires 1 argument"],
    [['--since', TINY, 'tiny:1'], 125, '--since needs --output'],
    [['--dry-run', '-o', 'x.car', 'tiny:1'], 125, '--dry-run and --output exclude each other'],
    [['--force', 'tiny:1'], 125, 'unknown flag: --force'],
  ])('%j', async (argv, exitCode, text) => {
    const { stderr, ...result } = await run(argv)
    expect(result).toMatchObject({ exitCode, stdout: '' })
    expect(stderr).toStartWith(
      `${text}\n\nUsage:  docker ipfs save [OPTIONS] IMAGE [IMAGE...]\n\nRun 'docker ipfs save`,
    )
  })
})
