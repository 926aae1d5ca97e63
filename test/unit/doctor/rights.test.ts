import { expect, test } from 'bun:test'
import { rightsOf } from '../../../src/doctor/rights.ts'

const lacking = (right: Parameters<typeof rightsOf>[0][number]['right']) => [
  { right, calls: ['a/b', 'c'], todo: 'Allow them.' },
]

test('a node that allows all is all right', () => {
  expect(rightsOf([])).toEqual([
    { part: 'node', check: 'rights', state: 'ok', found: 'it allows all that commands ask of it', todo: '' },
  ])
})

test.each(['read', 'save'] as const)('without the right to %s commands fail', (right) => {
  expect(rightsOf(lacking(right))).toMatchObject([{ state: 'fail', todo: 'Allow them.' }])
})

test.each(['pin', 'catalogue', 'publish', 'announce', 'figures', 'collect', 'copies'] as const)(
  'without that of %s not all works',
  (right) => {
    const [finding] = rightsOf(lacking(right))
    expect(finding).toMatchObject({ state: 'warn', todo: 'Allow them.' })
    expect(finding?.found).toEndWith(': it does not allow a/b, c')
  },
)
