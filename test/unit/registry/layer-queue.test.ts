import { describe, expect, test } from 'bun:test'
import type { ImageLayer } from '../../../src/read/layers.ts'
import { LayerQueue } from '../../../src/registry/layer-queue.ts'

const LAYERS: ImageLayer[] = ['a', 'b', 'c', 'd'].map((digest) => ({ digest, size: 1, tarSize: 1, diffId: digest }))
const layer = (name: string) => LAYERS.find(({ digest }) => digest === name) as ImageLayer
const turn = () => new Promise((resolve) => setTimeout(resolve))

/** Layers that come when they are told to. */
function following(signal = new AbortController().signal) {
  const begun: string[] = []
  const ends = new Map<string, PromiseWithResolvers<void>>()
  const queue = new LayerQueue(
    LAYERS,
    ({ digest }) => {
      begun.push(digest)
      const end = Promise.withResolvers<void>()
      ends.set(digest, end)
      return { read: async function* () {}, done: end.promise, close: () => undefined }
    },
    signal,
  )
  const end = async (digest: string, error?: Error) => {
    if (error === undefined) ends.get(digest)?.resolve()
    else ends.get(digest)?.reject(error)
    await turn()
  }
  return { queue, begun, end }
}

describe('layers on their way', () => {
  test('come one after the other, each once, in the order in which they are asked for', async () => {
    const { queue, begun, end } = following()
    for (const name of ['c', 'a', 'c']) void queue.ask(layer(name))
    expect(begun).toEqual(['c'])
    await end('c')
    expect(begun).toEqual(['c', 'a'])
    await end('a')
    await queue.ask(layer('c'))
    expect(begun).toEqual(['c', 'a'])
  })

  test('that nobody asked for come last', async () => {
    const { queue, begun, end } = following()
    const all = queue.all()
    void queue.ask(layer('d'))
    await end('a')
    await end('d')
    expect(begun).toEqual(['a', 'd', 'b'])
    await end('b')
    await end('c')
    await all
  })

  test('that cannot be had are asked for again by who asks again', async () => {
    const { queue, begun, end } = following()
    void queue.ask(layer('a'))
    await end('a', new Error('nobody has it'))
    await queue.ask(layer('a'))
    expect(begun).toEqual(['a', 'a'])
  })

  test('that cannot be had end the work for all of them', async () => {
    const { queue, begun, end } = following()
    const all = queue.all().catch((error: unknown) => String(error))
    await end('a', new Error('nobody has it'))
    expect(await all).toBe('Error: nobody has it')
    expect(begun).toEqual(['a'])
    void queue.ask(layer('b'))
    expect(begun).toEqual(['a', 'b'])
  })

  test('come no more when all is over, whether their turn had come or not', async () => {
    const stop = new AbortController()
    const { queue, begun } = following(stop.signal)
    await queue.ask(layer('a'))
    const waiting = queue.ask(layer('b')).catch((error: unknown) => error)
    const all = queue.all().catch((error: unknown) => error)
    stop.abort('over')
    expect(await Promise.all([waiting, all])).toEqual(['over', 'over'])
    expect(begun).toEqual(['a'])
  })
})
