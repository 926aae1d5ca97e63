import { describe, expect, test } from 'bun:test'
import { fail, failure, ok, warn } from '../../../src/doctor/finding.ts'
import { DockerIpfsError } from '../../../src/errors.ts'

const place = { part: 'engine', check: 'version' } as const
const never = new AbortController().signal

describe('a finding', () => {
  test('says where it was found and, unless all is well, what to do', () => {
    expect(ok(place, 'fine')).toEqual({ ...place, state: 'ok', found: 'fine', todo: '' })
    expect(warn(place, 'odd', 'Look.')).toEqual({ ...place, state: 'warn', found: 'odd', todo: 'Look.' })
    expect(fail(place, 'bad', 'Mend it.')).toEqual({ ...place, state: 'fail', found: 'bad', todo: 'Mend it.' })
  })

  test('is what a command would end with, and its hint what to do', () => {
    const error = new DockerIpfsError('ENGINE_FAILED', 'bad', { hint: 'Mend it.' })
    expect(failure(place, error, never)).toEqual(fail(place, 'bad', 'Mend it.'))
    expect(failure(place, new DockerIpfsError('ENGINE_FAILED', 'bad'), never)).toEqual(fail(place, 'bad', ''))
  })

  test('is neither a bug nor Ctrl-C', () => {
    expect(() => failure(place, new TypeError('bug'), never)).toThrow(TypeError)
    const cancelled = new DockerIpfsError('CANCELLED', 'cancelled')
    expect(() => failure(place, cancelled, AbortSignal.abort(cancelled))).toThrow('cancelled')
  })
})
