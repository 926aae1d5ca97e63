import { describe, expect, test } from 'bun:test'
import { type Option, progress, quiet } from '../../../src/cli/options.ts'
import { parse } from '../../../src/cli/parse.ts'
import { DockerIpfsError } from '../../../src/errors.ts'

const SPEC = {
  name: 'save',
  usage: 'docker ipfs save [OPTIONS] IMAGE [IMAGE...]',
  arity: [1, 3],
  options: [
    { name: 'api', type: 'string', description: '' },
    { name: 'output', short: 'o', type: 'string', description: '' },
    progress,
    quiet(''),
    { name: 'timeout', type: 'duration', description: '', default: '1m' },
  ],
} as const satisfies { options: readonly Option[]; [key: string]: unknown }

const TAIL = `\n\nUsage:  docker ipfs save [OPTIONS] IMAGE [IMAGE...]\n\nRun 'docker ipfs save --help' for more information`

function read(...argv: string[]) {
  const parsed = parse(SPEC, argv)
  if (parsed === 'help') throw new Error('help')
  return parsed
}

function mistake(...argv: string[]): DockerIpfsError {
  try {
    parse(SPEC, argv)
  } catch (error) {
    if (error instanceof DockerIpfsError) return error
    throw error
  }
  throw new Error(`accepted: ${argv.join(' ')}`)
}

describe('a flag that may be given several times', () => {
  const LIST = {
    ...SPEC,
    arity: [0, 3],
    options: [...SPEC.options, { name: 'input', short: 'i', type: 'list', description: '' }],
  } as const

  test.each([
    [[], []],
    [
      ['-i', 'a', 'x', '-ib', '--input=c', '--input', 'd'],
      ['a', 'b', 'c', 'd'],
    ],
    // What is behind -- is an argument.
    [['-o', 'input', '-i', '-', '--', '-i', 'e'], ['-']],
    [
      ['-i', 'input', '-qi', 'b'],
      ['input', 'b'],
    ],
  ])('%p gives %p', (argv, values) => {
    const parsed = parse(LIST, argv)
    expect(parsed === 'help' ? parsed : parsed.flags.input).toEqual(values)
  })
})

describe('flags and arguments', () => {
  test('have defaults', () => {
    expect(read('a')).toEqual({
      words: ['a'],
      flags: { api: undefined, output: undefined, progress: 'auto', quiet: false, timeout: 60_000 },
    })
  })

  test('come in any order and in every spelling', () => {
    for (const line of [
      '-q --api x -o f a b',
      'a --api=x -qo f b',
      'a b -o=f --quiet=true --api x',
      '-qof --api x a b',
    ]) {
      expect(read(...line.split(' '))).toMatchObject({
        words: ['a', 'b'],
        flags: { api: 'x', output: 'f', quiet: true },
      })
    }
  })

  test('everything after -- is an argument', () => {
    expect(read('-q', '--', '-x', '--nope=1', '-q').words).toEqual(['-x', '--nope=1', '-q'])
  })

  test('the last of several counts', () => {
    expect(read('--api', 'x', '--api', 'y', 'a').flags.api).toBe('y')
    expect(read('-q', '--quiet=false', 'a').flags.quiet).toBe(false)
  })

  test('names that look like numbers or truth values stay as they are', () => {
    expect(read('-q', 'true', '123456789012', '0x1e5').words).toEqual(['true', '123456789012', '0x1e5'])
    expect(read('1e5', '--api', '5001').flags.api).toBe('5001')
  })

  test('a single dash is an argument', () => {
    expect(read('-').words).toEqual(['-'])
  })

  test('durations come in milliseconds', () => {
    expect(read('a', '--timeout', '1h30m').flags.timeout).toBe(5_400_000)
  })

  test.each(['--help', '-h'])('%s wins over missing arguments', (flag) => {
    expect(parse(SPEC, [flag])).toBe('help')
    expect(parse(SPEC, ['a', flag])).toBe('help')
  })
})

describe('mistakes are told in docker’s words', () => {
  test.each([
    [['--nope', 'a'], 'unknown flag: --nope'],
    [['a', '--nope=3'], 'unknown flag: --nope'],
    [['-x', 'a'], "unknown shorthand flag: 'x' in -x"],
    [['-qx', 'a'], "unknown shorthand flag: 'x' in -qx"],
    [['--no-quiet', 'a'], 'unknown flag: --no-quiet'],
    [['a', '--api'], 'flag needs an argument: --api'],
    [['a', '-q=maybe'], 'invalid argument "maybe" for "-q, --quiet" flag: must be true or false'],
    [
      ['a', '--progress', 'x'],
      'invalid argument "x" for "--progress" flag: must be one of auto, tty, plain, json, quiet',
    ],
    [['a', '--timeout', '5'], 'invalid argument "5" for "--timeout" flag: must be a duration such as 90s, 5m or 1h30m'],
    [['a', '--timeout=0s'], 'invalid argument "0s" for "--timeout" flag: must be more than 0'],
  ])('%j', (argv, text) => {
    expect(mistake(...argv)).toMatchObject({ code: 'BAD_FLAG', message: text + TAIL })
  })

  test.each([
    [1, Number.POSITIVE_INFINITY, [], 'requires at least 1 argument'],
    [1, 1, ['a', 'b'], 'requires 1 argument'],
    [2, 2, ['a'], 'requires 2 arguments'],
    [1, 2, [], 'requires at least 1 and at most 2 arguments'],
    [0, 0, ['a'], 'accepts no arguments'],
  ])('from %d to %d arguments, given %j', (min, max, argv, text) => {
    expect(() => parse({ ...SPEC, arity: [min, max] }, argv)).toThrow(`docker: 'docker ipfs save' ${text}${TAIL}`)
  })
})
