import { describe, expect, test } from 'bun:test'
import { endingOf } from '../../../src/cli/exit.ts'
import { badFlag, wrongArity } from '../../../src/cli/usage.ts'
import { DockerIpfsError, type ErrorCode } from '../../../src/errors.ts'
import { OutputError } from '../../../src/output/output.ts'

const OF = { usage: 'docker ipfs save IMAGE', path: 'docker ipfs save' }

test.each<[ErrorCode, number]>([
  ['USAGE', 1],
  ['BAD_FLAG', 125],
  ['REFERENCE_INVALID', 1],
  ['ENGINE_UNREACHABLE', 3],
  ['NODE_UNREACHABLE', 3],
  ['ENGINE_FAILED', 1],
  ['ENGINE_FULL', 1],
  ['NODE_FAILED', 1],
  ['IMAGE_NOT_FOUND', 4],
  ['CONTENT_NOT_FOUND', 4],
  ['NOT_AN_IMAGE', 1],
  ['ARCHIVE_INVALID', 1],
  ['INTEGRITY', 5],
  ['UNHEALTHY', 1],
])('%s ends with exit code %d', (code, exitCode) => {
  const { text, ...ending } = endingOf(new DockerIpfsError(code, 'it failed'), false)
  expect(ending).toEqual({ exitCode })
  expect(text.split('\n')[0]).toBe('ERROR: it failed')
})

test.each([
  [2, 130],
  [15, 143],
  [undefined, 130],
])('cancelled by signal %p ends with exit code %d', (signal, exitCode) => {
  const error = new DockerIpfsError('CANCELLED', 'cancelled', signal === undefined ? {} : { signal })
  expect(endingOf(error, false)).toEqual({ exitCode, text: 'cancelled' })
})

const DOCTOR = '"docker ipfs doctor" says more.'

test('what the node refuses points to the doctor where there is no better hint', () => {
  const text = (code: ErrorCode, details = {}) => endingOf(new DockerIpfsError(code, 'x', details), false).text
  expect(text('NODE_FAILED')).toBe(`ERROR: x\n${DOCTOR}`)
  expect(text('NODE_FAILED', { hint: 'Free space.' })).toBe('ERROR: x\nFree space.')
  expect(text('NODE_UNREACHABLE', { hint: 'Start it.' })).toBe('ERROR: x\nStart it.')
  // Of these it says the same once more.
  for (const code of ['ENGINE_UNREACHABLE', 'ENGINE_FAILED'] as const) expect(text(code)).toBe('ERROR: x')
  expect(text('INTEGRITY')).toBe('ERROR: x')
})

describe('words', () => {
  const error = new DockerIpfsError('NODE_UNREACHABLE', 'the node does not answer', {
    hint: 'Start it.',
    cause: new Error('fetch failed', { cause: new Error('ECONNREFUSED') }),
  })

  test('the hint is on the second line', () => {
    expect(endingOf(error, false).text).toBe(`ERROR: the node does not answer\nStart it.`)
  })

  test('debug adds the causes, outermost first', () => {
    expect(endingOf(error, true).text).toEndWith(`\nStart it.\nCaused by: fetch failed\nCaused by: ECONNREFUSED`)
  })

  test('causes that go in a circle end', () => {
    const circle = new Error('a')
    circle.cause = new Error('b', { cause: circle })
    expect(endingOf(new DockerIpfsError('NODE_FAILED', 'x', { cause: circle }), true).text).toBe(
      `ERROR: x\n${DOCTOR}\nCaused by: a\nCaused by: b`,
    )
  })

  test('usage errors are printed as docker prints them', () => {
    expect(endingOf(badFlag('unknown flag: --nope', OF), false)).toEqual({
      exitCode: 125,
      text: "unknown flag: --nope\n\nUsage:  docker ipfs save IMAGE\n\nRun 'docker ipfs save --help' for more information",
    })
    expect(endingOf(wrongArity(1, 1, OF), false)).toMatchObject({ exitCode: 1 })
  })

  test('output that cannot be written is a failure, not a bug', () => {
    expect(endingOf(new OutputError(new Error('ENOSPC')), false)).toEqual({
      exitCode: 1,
      text: 'ERROR: cannot write to standard output: ENOSPC',
    })
  })

  test('anything else is a bug: exit code 70, with its stack under -D', () => {
    expect(endingOf(new TypeError('x is undefined'), false)).toMatchObject({ exitCode: 70 })
    expect(endingOf(new TypeError('x is undefined'), true).text).toMatch(
      /^ERROR: x is undefined\n.*\nTypeError: .*\n\s+at /,
    )
    expect(endingOf('a string', false)).toMatchObject({
      exitCode: 70,
      text: expect.stringContaining('ERROR: a string'),
    })
  })
})
