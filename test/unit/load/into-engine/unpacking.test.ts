import { expect, test } from 'bun:test'
import type { ProgressEvent } from '../../../../src/events.ts'
import { wholeStep } from '../../../../src/load/into-engine/steps.ts'
import { Unpacking } from '../../../../src/load/into-engine/unpacking.ts'
import { shortDigest } from '../../../../src/units.ts'
import { layeredImage } from '../../../support/layered.ts'

const IMAGE = layeredImage('ab', 1, 2)
const [a, b] = IMAGE.layers.map(({ diffId }) => diffId) as [string, string]
const MIB = 1024 * 1024

function told(work: (unpacking: Unpacking) => void, leftOut: readonly string[] = [], plain = true) {
  const events: ProgressEvent[] = []
  work(new Unpacking(wholeStep(IMAGE, new Set(leftOut)), plain, (event) => events.push(event)))
  return events
}

test('the figures of an engine are told of the layers that it was sent, and no more than they have', () => {
  const events = told(
    (unpacking) => {
      for (const bytes of [5, 9 * MIB]) unpacking.tell(shortDigest(b), bytes)
      unpacking.tell(shortDigest(a), 5)
      unpacking.tell('other', 5)
    },
    [IMAGE.layers[0]?.digest ?? ''],
  )
  expect(events).toEqual([
    { type: 'layer-start', layer: b, bytesTotal: 2 * MIB, doing: 'Unpacking' },
    { type: 'layer-progress', layer: b, bytesDone: 5 },
    { type: 'layer-progress', layer: b, bytesDone: 2 * MIB },
  ])
})

test('of an engine that gives no figures all layers are told; the step itself only for the last archive', () => {
  const start = (layer: string) => ({ type: 'layer-start', layer, bytesTotal: undefined, doing: 'Unpacking' }) as const
  expect(told((unpacking) => unpacking.tellLate(false))).toEqual([start(a), start(b)])
  expect(told((unpacking) => unpacking.tellLate(true))).toEqual([
    { type: 'step', text: 'Unpacking' },
    start(a),
    start(b),
  ])
})

test('of an engine that gives figures only the step is told', () => {
  const events = told((unpacking) => {
    unpacking.tell(shortDigest(a), 5)
    unpacking.tellLate(true)
  })
  expect(events.slice(2)).toEqual([{ type: 'step', text: 'Unpacking' }])
})

test('unpacked is what an engine does not complain of', () => {
  expect(told((unpacking) => unpacking.tellOver('Loaded image ID: x'))).toEqual([
    { type: 'layer-waits', layer: a, status: 'Unpacked', bytesDone: MIB },
    { type: 'layer-waits', layer: b, status: 'Unpacked', bytesDone: 2 * MIB },
  ])
  expect(told((unpacking) => unpacking.tellOver('x\nError unpacking image y: no space left'))).toEqual([])
})

test('of layers that are sent packed the figures are of what was sent', () => {
  const size = IMAGE.layers[0]?.size ?? 0
  const events = told((unpacking) => unpacking.tell(shortDigest(a), size - 1), [], false)
  expect(events).toEqual([
    { type: 'layer-start', layer: a, bytesTotal: size, doing: 'Unpacking' },
    { type: 'layer-progress', layer: a, bytesDone: size - 1 },
  ])
})
