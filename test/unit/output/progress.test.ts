import { describe, expect, test } from 'bun:test'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { ProgressEvent } from '../../../src/events.ts'
import { createProgress } from '../../../src/output/progress.ts'
import { barLine } from '../../../src/output/progress-bars.ts'
import { jsonProgress, plainLine, plainProgress, quietProgress } from '../../../src/output/progress-lines.ts'

const LAYER = 'sha256:73bc5939a32e1f2a3b4c'
const EVENTS: readonly ProgressEvent[] = [
  { type: 'step', text: 'Saving busybox:latest' },
  { type: 'layer-start', layer: LAYER, bytesTotal: 1_985_000 },
  { type: 'layer-progress', layer: LAYER, bytesDone: 496_250 },
  { type: 'layer-progress', layer: LAYER, bytesDone: 992_500 },
  { type: 'warning', text: 'the node keeps no pins' },
  { type: 'layer-done', layer: LAYER, status: 'Saved', bytesDone: 1_985_000 },
  { type: 'layer-done', layer: 'sha256:aaaaaaaaaaaa0000', status: 'Already exists', bytesDone: 0 },
]

function sink() {
  const written: string[] = []
  return { written, write: (text: string) => written.push(text) }
}

test('plain progress is one line for each step, warning and finished layer', () => {
  const out = sink()
  const { report } = plainProgress(out)
  for (const event of EVENTS) report(event)
  expect(out.written.join('')).toBe(
    [
      'Saving busybox:latest',
      'WARNING: the node keeps no pins',
      '73bc5939a32e: Saved  1.985MB',
      'aaaaaaaaaaaa: Already exists',
      '',
    ].join('\n'),
  )
})

describe('json progress', () => {
  test('has the keys of docker compose, one object a line', () => {
    const out = sink()
    let clock = 0
    const { report } = jsonProgress(out, () => clock)
    for (const event of EVENTS) {
      clock += 1000
      report(event)
    }
    expect(out.written.every((line) => line.endsWith('\n'))).toBe(true)
    expect(out.written.map((line) => JSON.parse(line))).toEqual([
      { text: 'Saving busybox:latest' },
      { id: '73bc5939a32e', text: 'Working', current: 0, total: 1_985_000, percent: 0 },
      { id: '73bc5939a32e', text: 'Working', current: 496_250, total: 1_985_000, percent: 25 },
      { id: '73bc5939a32e', text: 'Working', current: 992_500, total: 1_985_000, percent: 50 },
      { text: 'the node keeps no pins', status: 'Warning' },
      { id: '73bc5939a32e', text: 'Saved', current: 1_985_000, total: 1_985_000, percent: 100 },
      { id: 'aaaaaaaaaaaa', text: 'Already exists', current: 0, percent: 100 },
    ])
  })

  test('tells of a layer at most five times a second', () => {
    const out = sink()
    let clock = 0
    const { report } = jsonProgress(out, () => clock)
    report({ type: 'layer-start', layer: LAYER, bytesTotal: undefined })
    for (clock = 1; clock < 1000; clock++) report({ type: 'layer-progress', layer: LAYER, bytesDone: clock })
    expect(out.written).toHaveLength(1 + 4)
  })
})

test('where the bytes of a load were is one line, and one object', () => {
  const event = { type: 'sources', fromNetwork: 26_820, onNode: 52_100_000, inEngine: 0 } as const
  expect(plainLine(event)).toBe('From the network 26.82kB, on the node 52.1MB; the engine had 0B')
  const out = sink()
  jsonProgress(out).report(event)
  expect(out.written).toEqual(['{"text":"Sources","fromNetwork":26820,"onNode":52100000,"inEngine":0}\n'])
})

test('quiet progress writes nothing, not even warnings', async () => {
  for (const event of EVENTS) quietProgress().report(event)
  const stream = new PassThrough()
  const { report } = await createProgress('quiet', stream)
  for (const event of EVENTS) report(event)
  expect(stream.read()).toBeNull()
})

test('bars asked for where there is no terminal become plain lines', async () => {
  for (const mode of ['auto', 'tty'] as const) {
    const stream = new PassThrough()
    const { report } = await createProgress(mode, stream)
    for (const event of EVENTS) report(event)
    expect(await text(stream.end())).toStartWith('Saving busybox:latest\nWARNING:')
  }
})

test('on a terminal the finished layer leaves its line and the bars are cleared', async () => {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows: 24 })
  const { report, clear } = await createProgress('auto', stream)
  for (const event of EVENTS) report(event)
  clear()
  const written = await text(stream.end())
  expect(written).toContain('Saving busybox:latest\n')
  expect(written).toContain('73bc5939a32e: Saved  1.985MB\n')
  expect(written).not.toContain('\x1b[?') // neither the cursor nor line wrapping is switched
})

describe('a bar', () => {
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
