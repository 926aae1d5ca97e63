import { expect, test } from 'bun:test'
import { openTemp, writeAll } from '../../../../src/store/car/temp-file.ts'

test.each([
  ['/nowhere', 'no such folder'],
  ['/etc/passwd', 'it is no folder'],
  ['/proc', 'no such folder'],
])('a temp file that cannot be made says where, and what chooses that: %s', async (folder, why) => {
  expect(await openTemp(folder).catch((error) => error)).toMatchObject({
    code: 'FILE_FAILED',
    message: `cannot write a temp file in ${folder}: ${why}`,
    hint: expect.stringContaining('TMPDIR'),
  })
})

test('a temp file has no name, and keeps what is written at any place', async () => {
  const handle = await openTemp()
  const { nlink, mode } = await handle.stat()
  expect({ nlink, mode: mode & 0o777 }).toEqual({ nlink: 0, mode: 0o600 })
  await writeAll(handle, Buffer.from('behind'), 6)
  await writeAll(handle, Buffer.from('before'), 0)
  await writeAll(handle, new Uint8Array(0), 3)
  const bytes = Buffer.alloc(20)
  const { bytesRead } = await handle.read(bytes, 0, 20, 0)
  expect(bytes.toString('utf8', 0, bytesRead)).toBe('beforebehind')
  await handle.close()
})
