import { describe, expect, test } from 'bun:test'
import type { ProgressEvent } from '../../../src/events.ts'
import { jsonProgress, plainLine, plainProgress } from '../../../src/output/progress-lines.ts'

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

test('a place that an image goes to is shown by its whole name', () => {
  const name = 'backup-at-the-office-2'
  expect(plainLine({ type: 'layer-done', layer: name, status: 'Complete', bytesDone: 5 })).toBe(`${name}: Complete  5B`)
})

test('plain progress says which layers went out only where nothing else was said for ten seconds', () => {
  const out = sink()
  let clock = 0
  const { report } = plainProgress(out, () => clock)
  for (clock = 0; clock <= 30_000; clock += 3000) {
    report({ type: 'layer-waits', layer: LAYER, status: 'Sent', bytesDone: clock })
  }
  expect(out.written).toEqual(['73bc5939a32e: Sent  12kB\n', '73bc5939a32e: Sent  24kB\n'])
})

describe('json progress', () => {
  test('of a layer that goes out, is unpacked and then loaded is done only then', () => {
    const out = sink()
    let clock = 0
    const { report } = jsonProgress(out, () => clock)
    const events: readonly ProgressEvent[] = [
      { type: 'layer-start', layer: LAYER, bytesTotal: 50 },
      { type: 'layer-waits', layer: LAYER, status: 'Sent', bytesDone: 50 },
      { type: 'layer-start', layer: LAYER, bytesTotal: 200, doing: 'Unpacking' },
      { type: 'layer-progress', layer: LAYER, bytesDone: 100 },
      { type: 'layer-done', layer: LAYER, status: 'Loaded', bytesDone: 50 },
    ]
    for (const event of events) {
      clock += 1000
      report(event)
    }
    const id = '73bc5939a32e'
    expect(out.written.map((line) => JSON.parse(line))).toEqual([
      { id, text: 'Working', current: 0, total: 50, percent: 0 },
      { id, text: 'Sent', current: 50, total: 50 },
      { id, text: 'Unpacking', current: 0, total: 200, percent: 0 },
      { id, text: 'Unpacking', current: 100, total: 200, percent: 50 },
      { id, text: 'Loaded', current: 50, total: 50, percent: 100 },
    ])
  })

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

test('bytes that came from gateways go before the others', () => {
  const event = { type: 'sources', fromGateways: 1000, fromNetwork: 0, onNode: 5, inEngine: 2000 } as const
  expect(plainLine(event)).toBe('From gateways 1kB, from the network 0B, on the node 5B; the engine had 2kB')
})
