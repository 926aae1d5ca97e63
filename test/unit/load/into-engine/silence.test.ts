import { expect, test } from 'bun:test'
import { Silence } from '../../../../src/load/into-engine/silence.ts'
import { type Bytes, deferred } from '../../../../src/streams.ts'

const told: string[] = []
const silence = (ms = 1) => {
  told.length = 0
  return new Silence((text) => told.push(text), ms)
}
const TEXT = 'The engine has not answered for 0.001 s; Ctrl-C ends the load'

async function* pieces(wait: () => Promise<unknown>): Bytes {
  for (const piece of ['a', 'b', 'c']) {
    await wait()
    yield Buffer.from(piece)
  }
}

test('an engine that does not answer is told of once, and may answer after all', async () => {
  const answer = deferred<string>()
  const silent = silence()
  const both = [silent.answering(answer.promise), silent.answering(answer.promise)]
  while (told.length === 0) await Bun.sleep(1)
  answer.resolve('Loaded')
  expect(await Promise.all(both)).toEqual(['Loaded', 'Loaded'])
  await silent.answering(Bun.sleep(20))
  expect(told).toEqual([TEXT])
})

test('so is one that does not take the next byte', async () => {
  let all = ''
  for await (const piece of silence().sending(pieces(async () => undefined))) {
    all += Buffer.from(piece).toString()
    while (told.length === 0) await Bun.sleep(1)
  }
  expect([all, told]).toEqual(['abc', [TEXT]])
})

test('one that gives figures is not, until they end', async () => {
  const silent = silence(200)
  let isOver = false
  const beside = new Silence(() => (isOver = true), 200)
  for (const each of [silent, beside]) void each.answering(new Promise(() => undefined))
  while (!isOver) {
    await Bun.sleep(5)
    silent.hears()
  }
  expect(told).toEqual([])
  while (told.length === 0) await Bun.sleep(5)
  expect(told).toHaveLength(1)
})

test('one that waits for bytes, or has answered, is not', async () => {
  const silent = silence(400)
  for await (const _ of silent.sending(pieces(() => Bun.sleep(450))));
  await silent.answering(Promise.resolve())
  await expect(silent.answering(Promise.reject(new Error('no')))).rejects.toThrow('no')
  await Bun.sleep(450)
  expect(told).toEqual([])
})

test('who stops in the middle of an archive hears of no silence', async () => {
  for await (const _ of silence(400).sending(pieces(async () => undefined))) break
  await Bun.sleep(450)
  expect(told).toEqual([])
})
