import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { load } from '../../../../src/cli/commands/load.ts'
import { save } from '../../../../src/cli/commands/save.ts'
import { APP, runCommand, type Surroundings, TINY, twoSavedImages } from '../../../support/command.ts'
import { digest, GOLDEN } from '../../../support/images.ts'
import { MemoryEngine } from '../../../support/memory/engine.ts'
import { MemoryNode } from '../../../support/memory/node.ts'

const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-load-'))
afterAll(() => rmSync(folder, { recursive: true }))
const car = join(folder, 'tiny.car')
const TINY_ID = digest(GOLDEN.tiny().config)

/** Where the images were saved, and an engine without any. */
let saved: Awaited<ReturnType<typeof twoSavedImages>>
let engine: MemoryEngine
beforeEach(async () => {
  saved = await twoSavedImages()
  engine = new MemoryEngine()
})
const run = (argv: readonly string[], more: Surroundings = {}) =>
  runCommand(load, argv, { node: saved.node, engine, ...more })

describe('load', () => {
  test('says what was loaded, in the words of docker load', async () => {
    const { exitCode, stdout } = await run([TINY])
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `Loaded image ID: ${TINY_ID}\n` })
    expect([...engine.stored.keys()]).toEqual([TINY_ID])
  })

  test.each(['tiny:1', `ipfs://${TINY}`, `/ipfs/${TINY}`])('finds the image by %s', async (reference) => {
    expect((await run(['-q', reference])).stdout).toContain(TINY_ID)
  })

  test('gives the image the name that is asked for, and says it', async () => {
    expect(await run(['-q', '--tag', 'mine:2', TINY])).toMatchObject({
      exitCode: 0,
      stdout: 'Loaded image: mine:2\n',
      stderr: '',
    })
    expect((await engine.inspect('mine:2'))?.id).toBe(TINY_ID)
  })

  test('tells on stderr how far it is, and where the bytes were', async () => {
    const { stderr } = await run(['app:1'])
    expect(stderr).toStartWith(`Looking for ${APP}\n`)
    expect(stderr).toEndWith('From the network 0B, on the node 1.001MB; the engine had 0B\n')
  })

  test('keeps an image of another node, unless it must not', async () => {
    const other = new MemoryNode('other')
    other.connect(saved.node)
    await run(['--no-pin', TINY], { node: other })
    expect([...other.pins.names.keys()]).toEqual([])
    await run([TINY], { node: other })
    expect([...other.pins.names.keys()]).toEqual([TINY])
  })

  test('reads from gateways too, where a flag names them', async () => {
    const gateways = Object.assign(saved.node.blocks, { urls: ['https://gateway.example'] })
    const { exitCode, stdout } = await run(['--gateway', 'https://gateway.example', '--timeout', '1s', TINY], {
      node: new MemoryNode('empty'),
      gateways,
    })
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `Loaded image ID: ${TINY_ID}\n` })
  })

  test('may start a node, but for CAR files', () => {
    const startsNode = (...argv: string[]) => {
      const prepared = load.prepare(argv)
      return prepared !== 'help' && prepared.startsNode
    }
    expect(startsNode(TINY)).toBe(true)
    expect(startsNode('-i', 'x.car')).toBe(false)
  })
})

describe('a CAR file', () => {
  beforeEach(() => saved.run(save, '-q', '-o', car, 'tiny:1'))

  test('is loaded without any node, by the root that it names', async () => {
    const { exitCode, stdout } = await run(['-i', car], { node: new MemoryNode() })
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `Loaded image ID: ${TINY_ID}\n` })
  })

  test('may come through a pipe', async () => {
    const { stdout } = await run(['-q', '-i', '-', TINY], { node: new MemoryNode(), stdin: readFileSync(car) })
    expect(stdout).toBe(`Loaded image ID: ${TINY_ID}\n`)
  })

  test('that is cut is refused', async () => {
    const { exitCode, stdout, stderr } = await run(['-i', '-'], { stdin: readFileSync(car).subarray(0, -10) })
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
    expect(stderr).toContain('ERROR: the standard input is no CAR file, or damaged: it is cut short\n')
    expect(engine.stored.size).toBe(0)
  })

  test.each([
    [['-i', '-', '-i', '-'], 1, 'ERROR: the standard input can be read only once\n'],
    [['-i', '-'], 1, 'ERROR: requested load from stdin, but stdin is empty\n'],
    [['-i', '/nowhere.car'], 1, 'ERROR: open /nowhere.car: no such file or directory\n'],
  ])('%j is a mistake', async (argv, exitCode, text) => {
    const { stderr, ...result } = await run(argv)
    expect(result).toMatchObject({ exitCode, stdout: '' })
    expect(stderr).toEndWith(text)
  })
})

describe('mistakes', () => {
  test.each([
    [[], 1, "docker: 'docker ipfs load' requires 1 argument\n\nUsage:  docker ipfs load [OPTIONS] REFERENCE\n"],
    [[TINY, APP], 1, "docker: 'docker ipfs load' requires at most 1 argument\n"],
    [['nope'], 4, 'ERROR: no image of the name "nope" on the node at memory\n'],
    [['QmNope'], 1, 'ERROR: '],
    [['--platform', 'linux/arm64', TINY], 4, 'ERROR: '],
    [['--timeout', '1', TINY], 125, 'invalid argument "1" for "--timeout" flag: must be a duration'],
  ])('%j', async (argv, exitCode, text) => {
    const { stderr, ...result } = await run(['-q', ...argv])
    expect(result).toMatchObject({ exitCode, stdout: '' })
    expect(stderr).toStartWith(text)
    expect(engine.stored.size).toBe(0)
  })
})
