import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { followFile, lastLines } from '../../../src/background/log-file.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { collect } from '../../../src/streams.ts'

const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-log-'))
const path = join(folder, 'log')
const never = new AbortController().signal
const cancelled = new DockerIpfsError('CANCELLED', 'cancelled')
afterAll(() => rmSync(folder, { recursive: true }))

const TEXT = 'one\ntwo\n\nfour\n'
beforeEach(() => writeFileSync(path, TEXT))

async function read(tail: string): Promise<string> {
  return Buffer.from(
    await collect(followFile(path, { follow: false, tail, whose: 'the node' }, never), 1 << 20, 'it'),
  ).toString()
}

describe('the end of a log', () => {
  test.each([
    ['all', TEXT],
    ['9', TEXT],
    ['4', TEXT],
    ['3', 'two\n\nfour\n'],
    ['2', '\nfour\n'],
    ['1', 'four\n'],
    ['0', ''],
  ])('of %s lines', async (tail, text) => {
    expect(await read(tail)).toBe(text)
  })

  test('of an empty one is empty', async () => {
    writeFileSync(path, '')
    expect(await read('all')).toBe('')
    expect(await read('2')).toBe('')
  })

  test('of none is an error', async () => {
    const none = followFile(join(folder, 'none'), { follow: false, tail: 'all', whose: 'the node' }, never)
    await expect(collect(none, 1000, 'it')).rejects.toMatchObject({
      code: 'FILE_FAILED',
      message: 'the node has no log yet',
    })
  })

  test('in lines is without the last line break', async () => {
    expect(await lastLines(path, 1)).toBe('four')
    expect(await lastLines(path, 3)).toBe('two\n\nfour')
    expect(await lastLines(path, 9)).toBe('one\ntwo\n\nfour')
  })
})

describe('a log that is followed', () => {
  test('gives what comes after its end, also a piece that is longer than those that are read', async () => {
    const log = followFile(path, { follow: true, tail: '1', whose: 'the node' }, never)[Symbol.asyncIterator]()
    const next = async () => Buffer.from((await log.next()).value ?? []).toString()
    expect(await next()).toBe('four\n')
    appendFileSync(path, 'five\n')
    expect(await next()).toBe('five\n')
    const long = 'x'.repeat(100_000)
    appendFileSync(path, long)
    let text = ''
    while (text.length < long.length) text += await next()
    expect(text).toBe(long)
    await log.return?.()
  })

  test('goes on where another file has taken its place', async () => {
    const log = followFile(path, { follow: true, tail: '1', whose: 'the node' }, never)[Symbol.asyncIterator]()
    const next = async () => Buffer.from((await log.next()).value ?? []).toString()
    expect(await next()).toBe('four\n')
    appendFileSync(path, 'last\n')
    renameSync(path, `${path}.1`)
    writeFileSync(path, 'anew\n')
    expect([await next(), await next()]).toEqual(['last\n', 'anew\n'])
    await log.return?.()
  })

  test('ends with the signal', async () => {
    const stop = new AbortController()
    const log = followFile(path, { follow: true, tail: '0', whose: 'the node' }, stop.signal)[Symbol.asyncIterator]()
    await log.next()
    const waiting = log.next()
    stop.abort(cancelled)
    await expect(waiting).rejects.toHaveProperty('cause', cancelled)
  })
})
