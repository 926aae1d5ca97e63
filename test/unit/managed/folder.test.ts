import { expect, test } from 'bun:test'
import { mkdirSync } from 'node:fs'
import { DockerIpfsError } from '../../../src/errors.ts'
import { checkOwner, folderError } from '../../../src/managed/folder.ts'

test('what the system says of the folder names its place; other errors are left alone', () => {
  const thrown = () => {
    try {
      mkdirSync('/dev/null/node')
    } catch (error) {
      return error
    }
    throw new Error('it could be made')
  }
  expect(folderError('/home/me/node', thrown())).toMatchObject({
    code: 'FILE_FAILED',
    message: expect.stringMatching(/^the IPFS node of docker-ipfs cannot write its folder: .*not a directory/),
    hint: 'Its place is /home/me/node; XDG_DATA_HOME names another folder for it.',
  })
  const ours = new DockerIpfsError('NODE_UNREACHABLE', 'no')
  expect(folderError('/home/me/node', ours)).toBe(ours)
})

test('without sudo nobody asks whose the folder is', async () => {
  await checkOwner('/nowhere/node', {})
  await checkOwner('/nowhere/node', { SUDO_UID: '0' })
  await checkOwner('/nowhere/node', { SUDO_UID: 'x' })
})
