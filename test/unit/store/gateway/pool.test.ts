import { describe, expect, test } from 'bun:test'
import { DockerIpfsError, type ErrorCode } from '../../../../src/errors.ts'
import { type Attempt, Pool } from '../../../../src/store/gateway/pool.ts'
import { Busy } from '../../../../src/store/gateway/request.ts'

const open = new AbortController().signal
const refuse = (code: ErrorCode) => () => Promise.reject(new DockerIpfsError(code, `it is ${code}`))

/** A pool of gateways `a`, `b`, … */
function poolOf(names: string, timeoutMs = 1000) {
  const warnings: string[] = []
  const asked: string[] = []
  const pool = new Pool({ urls: [...names], timeoutMs, warn: (text) => warnings.push(text) })
  /** Each gateway does what its name stands for here. */
  const search = (does: Record<string, (attempt: Attempt) => Promise<unknown>>, signal = open) =>
    pool.search('it', signal, (attempt) => {
      asked.push(attempt.gateway.url + (attempt.asCar ? '' : '-'))
      return (does[attempt.gateway.url] ?? (async () => attempt.gateway.url))(attempt)
    })
  return { search, warnings, asked }
}

describe('a search', () => {
  test('ends with the first gateway that gives it', async () => {
    const { search, asked } = poolOf('ab')
    expect(await search({})).toBe('a')
    expect(asked).toEqual(['a'])
  })

  test('goes on with another where one has it not, and asks it again for something else', async () => {
    const { search, asked } = poolOf('ab')
    expect(await search({ a: refuse('CONTENT_NOT_FOUND') })).toBe('b')
    expect(await search({ b: refuse('CONTENT_NOT_FOUND') })).toBe('a')
    expect(asked).toEqual(['a', 'b', 'a'])
  })

  test('finds nothing where nobody has it, and says why', async () => {
    const { search } = poolOf('ab')
    const no = refuse('CONTENT_NOT_FOUND')
    await expect(search({ a: no, b: no })).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
      message: 'no gateway gave it (a: it is CONTENT_NOT_FOUND; b: it is CONTENT_NOT_FOUND)',
    })
  })

  test('asks nobody again who sent wrong bytes, and warns of that once', async () => {
    const { search, asked, warnings } = poolOf('ab')
    expect(await search({ a: refuse('INTEGRITY') })).toBe('b')
    expect(await search({})).toBe('b')
    expect(asked).toEqual(['a', 'b', 'b'])
    expect(warnings).toEqual(['the gateway a is not asked any more: it is INTEGRITY'])
  })

  test('is INTEGRITY where all of them sent wrong bytes', async () => {
    const { search } = poolOf('ab')
    await expect(search({ a: refuse('INTEGRITY'), b: refuse('INTEGRITY') })).rejects.toMatchObject({
      code: 'INTEGRITY',
    })
  })

  test('asks for single blocks where CARs are of no use, and nobody whose blocks are none either', async () => {
    const { search, asked } = poolOf('a')
    const block = async (attempt: Attempt) => (attempt.asCar ? refuse('ARCHIVE_INVALID')() : 'block')
    expect(await search({ a: block })).toBe('block')
    expect(asked).toEqual(['a', 'a-'])
    await expect(search({ a: refuse('ARCHIVE_INVALID') })).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
    expect(asked).toEqual(['a', 'a-', 'a-'])
  })

  test('still asks for CARs where one was right as far as it went', async () => {
    const { search, asked } = poolOf('a')
    let tries = 0
    const cut = async ({ progress }: Attempt) => {
      progress(10)
      tries += 1
      return tries === 1 ? refuse('ARCHIVE_INVALID')() : 'all'
    }
    expect(await search({ a: cut })).toBe('all')
    expect(asked).toEqual(['a', 'a'])
  })

  test('ends at once where it is no image', async () => {
    const { search, asked } = poolOf('ab')
    await expect(search({ a: refuse('NOT_AN_IMAGE') })).rejects.toMatchObject({ code: 'NOT_AN_IMAGE' })
    expect(asked).toEqual(['a'])
  })

  test('goes on with another while one has no time, and waits for it where it is alone', async () => {
    const { search, asked } = poolOf('a')
    let tries = 0
    const busy = async () => {
      tries += 1
      if (tries === 1) throw new Busy('later', 20)
      return 'now'
    }
    const began = Date.now()
    expect(await search({ a: busy })).toBe('now')
    expect(Date.now() - began).toBeGreaterThanOrEqual(19)
    expect(asked).toEqual(['a', 'a'])
    const two = poolOf('ab')
    expect(await two.search({ a: () => Promise.reject(new Busy('later', 5000)) })).toBe('b')
  })

  test('gives up where nothing comes in time', async () => {
    const { search } = poolOf('a', 300)
    const broken = () => Promise.reject(new Error('connection refused'))
    await expect(search({ a: broken })).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
      message: 'no gateway gave it (a: connection refused)',
    })
  })

  test('ends with the reason of the signal, also while it waits', async () => {
    const reason = new Error('stopped')
    await expect(poolOf('a').search({}, AbortSignal.abort(reason))).rejects.toBe(reason)
    const stop = new AbortController()
    const waiting = poolOf('a', 60_000).search({ a: () => Promise.reject(new Busy('later', 50_000)) }, stop.signal)
    setTimeout(() => stop.abort(reason), 10)
    await expect(waiting).rejects.toBe(reason)
    const failing = new AbortController()
    const asked = poolOf('a').search(
      {
        a: async () => {
          failing.abort(reason)
          throw new Error('broken')
        },
      },
      failing.signal,
    )
    await expect(asked).rejects.toBe(reason)
  })
})

test('no more than some searches are at one gateway, and those that wait go on when it is free', async () => {
  const { search } = poolOf('a', 60_000)
  let [now, most] = [0, 0]
  const slow = async () => {
    now += 1
    most = Math.max(most, now)
    await Bun.sleep(5)
    now -= 1
  }
  await Promise.all(Array.from({ length: 30 }, () => search({ a: slow })))
  expect(most).toBe(8)
})

test('the patience for one gateway is less where there are others', async () => {
  const patience = async (names: string) => {
    let ms = 0
    const look = async ({ patienceMs }: Attempt) => {
      ms = patienceMs
    }
    await poolOf(names, 900).search({ a: look })
    return ms
  }
  expect(await patience('a')).toBe(900)
  expect(await patience('ab')).toBe(300)
})
