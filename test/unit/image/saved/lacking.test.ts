import { expect, test } from 'bun:test'
import { engineLacks, LackedBlobs, saysLacking } from '../../../../src/image/saved/lacking.ts'

const [A, B] = ['a'.repeat(64), 'b'.repeat(64)]

test.each([
  `failed to copy to tar: rpc error: code = NotFound desc = blob sha256:${A} expected at /var/lib/x: blob not found`,
  `unable to create manifests file: NotFound: content digest sha256:${A}: not found`,
  `failed to read config of the manifest sha256:${B}: rpc error: code = NotFound desc = blob sha256:${A} expected at /x`,
])('an engine that says %s lacks that blob', (message) => {
  const cause = new Error(message)
  expect(saysLacking(message, cause)).toMatchObject({
    code: 'ENGINE_FAILED',
    message: `the Docker engine lacks sha256:${A} of its own image`,
    hint: expect.stringContaining('--platform'),
    cause,
  })
})

test.each(['no space left on device', `No such image: sha256:${A}`, `blob sha256:${A} is locked`])(
  '%s is something else',
  (message) => {
    expect(saysLacking(message, undefined)).toBeUndefined()
  },
)

test('what an archive names and does not hold is named by its digests', () => {
  const lacked = new LackedBlobs(`blobs/sha256/${A}`, [`blobs/sha256/${B}`])
  expect(engineLacks(lacked, undefined).message).toBe(
    `the Docker engine lacks a part of its own image: the config sha256:${A} or layer sha256:${B}`,
  )
  expect(engineLacks(new LackedBlobs(A, []), undefined).message).toEndWith(`: the config ${A}`)
})
