import { describe, expect, test } from 'bun:test'
import { blockKey } from '../../../../src/dag/blocks.ts'
import { parseCid } from '../../../../src/dag/cid.ts'
import type { ProgressEvent } from '../../../../src/events.ts'
import type { ImageInput } from '../../../../src/image/input.ts'
import { parsePlatform } from '../../../../src/image/platform.ts'
import { archiveInput } from '../../../../src/save/inputs/archive.ts'
import { blocksOf, knowNothing } from '../../../../src/save/known.ts'
import { writeImages } from '../../../../src/save/write-images.ts'
import { imageOf, noise, type TestImage } from '../../../support/images.ts'
import { forPlatform, Layout } from '../../../support/layouts.ts'
import { MemorySink } from '../../../support/memory-sink.ts'
import { fileOf } from '../../../support/saving.ts'
import { tarOf } from '../../../support/tar.ts'

/** Of one platform only what belongs to it is written. */

const signal = new AbortController().signal
const base = tarOf([{ path: 'base', body: noise(90_000, 'base') }])
const imageFor = (architecture: string) =>
  forPlatform(imageOf([base, tarOf([{ path: 'own', body: noise(90_000, architecture) }])]), architecture)

function archive(...images: TestImage[]): Buffer {
  const layout = new Layout()
  const entries = images.map((image) => {
    const { architecture } = JSON.parse(String(image.config)) as { architecture: string }
    return layout.image(image, { platform: { os: 'linux', architecture } })
  })
  return layout.tar([layout.index(entries)])
}

const both = archive(imageFor('amd64'), imageFor('arm64'))

/** Blocks that were written, and how many of them no image has; what was warned of. */
async function written(input: ImageInput, platform: string | undefined) {
  const sink = new MemorySink()
  const warnings: string[] = []
  const report = (event: ProgressEvent) => {
    if (event.type === 'warning') warnings.push(event.text)
  }
  const images = archiveInput(input)
  const traits = { forgets: false, givesHints: false }
  const opened = await images.open(await images.look(traits), traits)
  const place = { sink, known: knowNothing(), over: signal, report, tellsMissing: true }
  const asked = platform === undefined ? undefined : parsePlatform(platform)
  const [image, ...more] = (await writeImages(opened, images, place, asked)).images
  expect(more).toEqual([])
  const root = image?.dag.root.cid
  if (root === undefined) throw new Error('no image')
  const its = await blocksOf(root, async (cid) => sink.blocks.get(cid.toString()) ?? new Uint8Array(0))
  const stray = [...sink.blocks.keys()].filter((cid) => !its.has(blockKey(parseCid(cid)))).length
  return { root: root.toString(), stray, warnings }
}

describe('of one platform', () => {
  test.each(['linux/amd64', 'linux/arm64'])('of a file nothing else is written: %s', async (platform) => {
    const alone = await written(fileOf(archive(imageFor(platform.slice(6)))), undefined)
    expect(await written(fileOf(both), platform)).toEqual({ root: alone.root, stray: 0, warnings: [] })
  })

  test('of a pipe the others are written too, which is told', async () => {
    const { root } = await written(fileOf(both), 'linux/arm64')
    const piped = await written(fileOf(both, false), 'linux/arm64')
    expect(piped).toMatchObject({
      root,
      warnings: ['layers of other platforms were written too (1), since a pipe is read once: give a file'],
    })
    expect(piped.stray).toBeGreaterThan(0)
  })

  test('of a pipe with no other nothing is told', async () => {
    const input = fileOf(archive(imageFor('arm64')), false)
    expect(await written(input, 'linux/arm64')).toMatchObject({ stray: 0, warnings: [] })
  })

  test('that is not there, nothing is written', async () => {
    const sink = new MemorySink()
    const images = archiveInput(fileOf(both))
    const traits = { forgets: false, givesHints: false }
    const opened = await images.open(await images.look(traits), traits)
    const place = { sink, known: knowNothing(), over: signal, report: () => undefined, tellsMissing: true }
    await expect(writeImages(opened, images, place, parsePlatform('linux/s390x'))).rejects.toMatchObject({
      code: 'PLATFORM_NOT_FOUND',
    })
    expect(sink.blocks.size).toBe(0)
  })
})

test('of all platforms all is written once', async () => {
  expect(await written(fileOf(both), undefined)).toMatchObject({ stray: 0, warnings: [] })
})
