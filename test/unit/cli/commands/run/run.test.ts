import { describe, expect, test } from 'bun:test'
import { run } from '../../../../../src/cli/commands/run/run.ts'
import { runCommand, TINY, twoSavedImages } from '../../../../support/command.ts'
import { MemoryEngine } from '../../../../support/memory/engine.ts'

/** Runs in an engine that has nothing, with what docker was told. */
async function onEmpty(code = 0, help = '') {
  const { node } = await twoSavedImages()
  const engine = new MemoryEngine()
  const told: (readonly string[])[] = []
  const docker = {
    attached: async (args: readonly string[]) => {
      told.push(args)
      return code
    },
    help: async () => help,
  }
  const start = (...argv: string[]) => runCommand(run, argv, { node, engine, docker })
  return { engine, told, start }
}

describe('docker ipfs run', () => {
  test('loads the image and has docker run it, with all that was said', async () => {
    const { engine, told, start } = await onEmpty()
    const { exitCode, stdout } = await start('-q', '--rm', '-it', '-e', 'A=b', 'tiny:1', 'sh', '-c', 'exit')
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' })
    const [image] = await engine.images()
    expect(told).toEqual([['run', '--rm', '-it', '-e', 'A=b', image?.id ?? '', 'sh', '-c', 'exit']])
  })

  test('ends as docker does, and says nothing more', async () => {
    const { start } = await onEmpty(137)
    expect(await start('-q', TINY)).toMatchObject({ exitCode: 137, stdout: '', stderr: '' })
  })

  test('runs it by the name that it is given', async () => {
    const { told, start } = await onEmpty()
    await start('-q', '--tag', 'mine:2', TINY)
    expect(told).toEqual([['run', 'mine:2']])
  })

  test.each<string[]>([['--pull=always'], ['--pull', 'missing']])(
    'does what %s asks for by itself',
    async (...pull: string[]) => {
      const { told, start } = await onEmpty()
      expect((await start('-q', ...pull, '--rm', TINY)).exitCode).toBe(0)
      expect(told[0]?.slice(0, 2)).toEqual(['run', '--rm'])
    },
  )

  test('asks docker for a flag that it does not know', async () => {
    const { told, start } = await onEmpty(0, '      --brand-new string      Something\n')
    expect((await start('-q', '--brand-new', 'x', TINY, 'a')).exitCode).toBe(0)
    expect(told[0]?.slice(0, 3)).toEqual(['run', '--brand-new', 'x'])
  })

  test.each([
    [['--nope', TINY], 125, 'unknown flag: --nope'],
    [['-Z', TINY], 125, "unknown shorthand flag: 'Z' in -Z"],
    [['--name'], 125, 'flag needs an argument: --name'],
    [['-e'], 125, "flag needs an argument: 'e' in -e"],
    [['--pull', 'never', TINY], 125, '--pull never and "docker ipfs run" exclude each other'],
    [['--timeout', 'x', TINY], 125, 'invalid argument "x" for "--timeout" flag'],
    [['--rm'], 1, "docker: 'docker ipfs run' requires at least 1 argument"],
    [['nowhere:1'], 4, 'ERROR: no image of the name "nowhere:1"'],
  ])('%p ends with %d', async (argv, code, first) => {
    const { told, start } = await onEmpty()
    const { exitCode, stderr } = await start(...argv)
    expect({ exitCode, told }).toEqual({ exitCode: code, told: [] })
    expect(stderr).toStartWith(first)
  })
})
