import { describe, expect, test } from 'bun:test'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { barLine, barsProgress, wrappedRows } from '../../../src/output/progress-bars.ts'

const LAYER = 'sha256:73bc5939a32e1f2a3b4c'

describe('the line of a bar', () => {
  const params = (value: number, maxWidth = 80) => ({ value, maxWidth })

  test('shows how much of how much', () => {
    expect(barLine(params(992_500), { layer: LAYER, bytesTotal: 1_985_000 })).toBe(
      '73bc5939a32e: [=======================>                      ]  992.5kB/1.985MB',
    )
    expect(barLine(params(1_985_000), { layer: LAYER, bytesTotal: 1_985_000 })).toMatch(/\[=+\] {2}1.985MB\/1.985MB$/)
  })

  test('of a layer whose size is not known is only the amount', () => {
    expect(barLine(params(1_985_000), { layer: LAYER, bytesTotal: undefined })).toBe('73bc5939a32e: 1.985MB')
  })

  test('of what takes long has its rate and time', () => {
    const began = 1000
    const of = { layer: LAYER, bytesTotal: 10_000_000, began }
    expect(barLine(params(5_000_000), of, began + 2999)).toEndWith(']  5MB/10MB')
    expect(barLine(params(5_000_000), of, began + 4000)).toBe(
      '73bc5939a32e: [=============>             ]  5MB/10MB  1.25MB/s 4s',
    )
    expect(barLine(params(10_000_000), { ...of, ended: began + 4000 }, began + 90_000)).toEndWith('  2.5MB/s 4s')
    expect(barLine(params(9000), { ...of, bytesTotal: undefined }, began + 90_000)).toBe(
      '73bc5939a32e: 9kB  100B/s 1m30s',
    )
  })

  test('says what is done, where that is not that bytes are moved', () => {
    const began = 0
    expect(barLine(params(5), { layer: LAYER, bytesTotal: 10, doing: 'Unpacking' })).toBe(
      '73bc5939a32e: Unpacking [==================>                 ]  5B/10B',
    )
    expect(barLine(params(0), { layer: LAYER, bytesTotal: undefined, doing: 'Unpacking', began }, 7900)).toBe(
      '73bc5939a32e: Unpacking  7s',
    )
    expect(barLine(params(10), { layer: LAYER, bytesTotal: 10, doing: 'Sent', waits: true, began }, 7900)).toBe(
      '73bc5939a32e: Sent  10B',
    )
  })

  test('fits the terminal, however narrow', () => {
    for (let width = 10; width < 200; width++) {
      const line = barLine(params(123_456_789), { layer: LAYER, bytesTotal: 987_654_321 })
      expect(line.length).toBeLessThan(80)
      expect(barLine(params(1, width), { layer: LAYER, bytesTotal: 2 }).length).toBeLessThan(width)
      const long = { layer: LAYER, bytesTotal: 987_654_321_000, doing: 'Unpacking', began: 0 }
      expect(barLine(params(123_456_789_000, width), long, 7_199_000).length).toBeLessThan(width)
      expect(barLine(params(1, width), { ...long, bytesTotal: undefined }, 9000).length).toBeLessThan(width)
    }
  })
})

describe('bars on a terminal', () => {
  const terminal = (rows: number) => Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows })
  const layer = (at: number) => `sha256:${String(at).padStart(12, '0')}ff`

  test('are for as many layers as there are rows; of others the last line shows', async () => {
    const stream = terminal(6)
    const { report, clear } = barsProgress(stream)
    for (let at = 0; at < 10; at++) report({ type: 'layer-start', layer: layer(at), bytesTotal: 100 })
    for (let at = 0; at < 10; at++) report({ type: 'layer-done', layer: layer(at), status: 'Saved', bytesDone: 100 })
    clear()
    const written = await text(stream.end())
    for (let at = 0; at < 10; at++) expect(written).toContain(`${String(at).padStart(12, '0')}: Saved  100B\n`)
    expect(written).toContain('000000000003: [')
    expect(written).not.toContain('000000000004: [')
  })

  test('of layers that wait make room for others', async () => {
    const stream = terminal(6)
    const { report, clear } = barsProgress(stream)
    for (let at = 0; at < 10; at++) {
      report({ type: 'layer-start', layer: layer(at), bytesTotal: 100 })
      report({ type: 'layer-waits', layer: layer(at), status: 'Sent', bytesDone: 100 })
    }
    report({ type: 'warning', text: 'look' })
    clear()
    const written = await text(stream.end())
    const last = written.slice(written.indexOf('look'))
    for (let at = 0; at < 10; at++) {
      expect(last.includes(`${String(at).padStart(12, '0')}: Sent  100B`)).toBe(at >= 6)
    }
  })

  test('begin anew with another kind of work', async () => {
    const stream = terminal(24)
    let clock = 0
    const { report, clear } = barsProgress(stream, () => clock)
    report({ type: 'layer-start', layer: LAYER, bytesTotal: 100 })
    clock = 10_000
    report({ type: 'layer-waits', layer: LAYER, status: 'Sent', bytesDone: 100 })
    report({ type: 'layer-start', layer: LAYER, bytesTotal: 200, doing: 'Unpacking' })
    report({ type: 'layer-progress', layer: LAYER, bytesDone: 100 })
    report({ type: 'warning', text: 'look' })
    clear()
    expect(await text(stream.end())).toMatch(/: Unpacking \[=+> +\] {2}100B\/200B(?! )/)
  })

  test('let lines pass above them', async () => {
    const stream = terminal(24)
    const { report, clear } = barsProgress(stream)
    report({ type: 'layer-start', layer: LAYER, bytesTotal: 100 })
    report({ type: 'warning', text: 'look' })
    clear()
    const lines = (await text(stream.end())).split('\n')
    expect(lines.some((line) => line.endsWith('WARNING: look'))).toBe(true)
  })

  test('are taken away at the end, as often as that is said', async () => {
    const stream = terminal(24)
    const { report, clear } = barsProgress(stream)
    report({ type: 'layer-start', layer: LAYER, bytesTotal: undefined })
    clear()
    stream.write('<end>')
    clear()
    report({ type: 'layer-progress', layer: LAYER, bytesDone: 5 })
    expect(await text(stream.end())).toEndWith('<end>')
  })
})

test('a terminal that has become narrower has wrapped bars, and they are taken from all their rows', async () => {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows: 24 })
  const { report, clear } = barsProgress(stream)
  report({ type: 'layer-start', layer: LAYER, bytesTotal: 100 })
  report({ type: 'warning', text: 'wide' })
  stream.columns = 30
  report({ type: 'warning', text: 'narrow' })
  clear()
  const written = await text(stream.end())
  // 70 characters in 30 columns are two rows more.
  expect(written.split('\u001b[2K\u001b[1A')).toHaveLength(3)
})

test('of lines of so many characters those count that a terminal wraps', () => {
  expect(wrappedRows([79, 80, 81, 0], 80)).toBe(1)
  expect(wrappedRows([79, 80], 40)).toBe(2)
  expect(wrappedRows([79], 0)).toBe(0)
  expect(wrappedRows([79], undefined)).toBe(0)
  expect(wrappedRows([], 40)).toBe(0)
})
