import { expect, test } from 'bun:test'
import { examineRegistry } from '../../../src/doctor/registry.ts'

const running = { isRunning: true, address: '127.0.0.1:5300', answers: true, openTo: 'owner' } as const

test('a registry that does not run is no finding', () => {
  expect(examineRegistry({ isRunning: false })).toEqual([])
})

test('a registry that runs says where, and who may ask', () => {
  expect(examineRegistry(running).map(({ state, found }) => [state, found])).toEqual([
    ['ok', '127.0.0.1:5300 answers'],
    ['ok', 'root and whoever started it may pull and push'],
  ])
  const open = { ...running, openTo: 'everybody', isReadOnly: true } as const
  expect(examineRegistry(open)[1]?.found).toBe('every user of this machine may pull')
  expect(examineRegistry({ ...running, openTo: 'token' })[1]?.found).toBe('whoever has its token may pull and push')
})

test('a registry that does not answer is to be started again', () => {
  expect(examineRegistry({ ...running, answers: false })[0]).toMatchObject({
    state: 'warn',
    found: '127.0.0.1:5300 does not answer',
    todo: 'Start it again: docker ipfs registry restart',
  })
})
