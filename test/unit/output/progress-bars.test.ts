import { describe, expect, test } from 'bun:test'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { barLine, barsProgress } from '../../../src/output/progress-bars.ts'

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

  test('fits the terminal, however narrow', () => {
    for (let width = 10; width < 200; width++) {
      const line = barLine(params(123_456_789), { layer: LAYER, bytesTotal: 987_654_321 })
      expect(line.length).toBeLessThan(80)
      expect(barLine(params(1, width), { layer: LAYER, bytesTotal: 2 }).length).toBeLessThan(width)
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
