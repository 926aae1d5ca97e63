import { expect, test } from 'bun:test'
import { DockerIpfsError, messageOf } from '../../../../src/errors.ts'
import { announceError } from '../../../../src/store/kubo/routing.ts'

const kubo = new DockerIpfsError('NODE_FAILED', 'the IPFS node answered: cannot provide: Provide.Enabled is false')

test.each([
  [true, 'Provide.Enabled is false (to change that: docker ipfs node start --announce)'],
  [false, 'Provide.Enabled is false (to change that: ipfs config --json Provide.Enabled true, and restart it)'],
])('a node that announces nothing is told of with what to do; managed: %p', (isManaged, text) => {
  expect(messageOf(announceError(kubo, { isManaged }))).toBe(text)
})

test('what else goes wrong in announcing stays as it is', () => {
  const other = new DockerIpfsError('NODE_FAILED', 'the IPFS node answered: no peers')
  expect(announceError(other, {})).toBe(other)
})
