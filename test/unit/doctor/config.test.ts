import { describe, expect, test } from 'bun:test'
import { type ConfigState, examineConfig } from '../../../src/doctor/config.ts'

const FILE = '/home/user/.docker/config.json'
const look = (state: Partial<ConfigState>) =>
  examineConfig({ file: FILE, faults: [], inEffect: [], openSecrets: [], ...state })

describe('of the settings the doctor says', () => {
  test('where they come from, or where they would be', () => {
    const place = { part: 'config', check: 'settings', state: 'ok', todo: '' } as const
    expect(look({})).toEqual([{ ...place, found: `none set; ${FILE}` }])
    expect(look({ inEffect: ['api: DOCKER_IPFS_API', `timeout: ${FILE}`] })).toEqual([
      { ...place, found: `api: DOCKER_IPFS_API, timeout: ${FILE}` },
    ])
  })

  test('what of them does not hold, and what is only not known', () => {
    const faults = [
      { text: 'timeout is no time', isLost: true },
      { text: 'there is no setting tiemout', isLost: false },
    ]
    expect(look({ faults, inEffect: ['api'] })).toEqual([
      {
        part: 'config',
        check: 'settings',
        state: 'fail',
        found: 'timeout is no time',
        todo: `Mend it in ${FILE} or in the environment.`,
      },
      {
        part: 'config',
        check: 'settings',
        state: 'warn',
        found: 'there is no setting tiemout',
        todo: 'Check its spelling, or take it out.',
      },
    ])
  })

  test('which secrets lie open, beside all else', () => {
    expect(look({ openSecrets: ['/a', '/b'], inEffect: ['api'] })).toMatchObject([
      { check: 'settings', state: 'ok' },
      { check: 'secret', state: 'warn', found: 'other users of this machine can read /a', todo: 'chmod 600 /a' },
      { check: 'secret', state: 'warn', todo: 'chmod 600 /b' },
    ])
  })
})
