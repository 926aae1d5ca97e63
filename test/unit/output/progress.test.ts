import { expect, test } from 'bun:test'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { ProgressEvent } from '../../../src/events.ts'
import { createProgress } from '../../../src/output/progress.ts'
import { quietProgress } from '../../../src/output/progress-lines.ts'

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
