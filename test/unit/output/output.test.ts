import { expect, test } from 'bun:test'
import { createOutput, OutputError } from '../../../src/output/output.ts'

const failing = (code: string) => ({
  write: (_text: string, done: (error?: Error) => void) => done(Object.assign(new Error(`${code}: failed`), { code })),
})

test('a result is one line, and bars get out of the way first', async () => {
  const seen: string[] = []
  const sink = {
    write(text: string, done: () => void) {
      seen.push(text)
      done()
    },
  }
  await createOutput(sink, () => seen.push('<cleared>')).line('bafyroot')
  expect(seen).toEqual(['<cleared>', 'bafyroot\n'])
})

test('a reader that went away is no error', async () => {
  await createOutput(failing('EPIPE')).line('bafyroot')
})

test('a full disk is an error', async () => {
  await expect(createOutput(failing('ENOSPC')).line('bafyroot')).rejects.toThrow(OutputError)
})
