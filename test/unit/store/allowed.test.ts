import { expect, test } from 'bun:test'
import { DockerIpfsError } from '../../../src/errors.ts'
import { ifAllowed } from '../../../src/store/allowed.ts'

test('what is allowed is the answer, and what is not is not known', async () => {
  expect(await ifAllowed(Promise.resolve(1))).toBe(1)
  expect(await ifAllowed(Promise.reject(new DockerIpfsError('NODE_DENIED', 'no')))).toBeUndefined()
})

test.each(['NODE_FAILED', 'NODE_UNREACHABLE'] as const)('%s stays an error', async (code) => {
  const error = new DockerIpfsError(code, 'no')
  await expect(ifAllowed(Promise.reject(error))).rejects.toBe(error)
})
