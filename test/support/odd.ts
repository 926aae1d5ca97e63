import { type ImageInput, pipedInput } from '../../src/image/input.ts'
import { readSavedImages } from '../../src/image/saved/saved-image.ts'
import { type Bytes, collect } from '../../src/streams.ts'
import { digest, imageOf, noise } from './images.ts'
import { type Entry, tarOf } from './tar.ts'

/** For tests of archives that other writers than docker make. */

export const image = imageOf([
  tarOf([{ path: 'one', body: noise(900, 'one') }]),
  tarOf([{ path: 'two', body: noise(900, 'two') }]),
])
/** What is read: diffIDs of each image, and what was warned of. */
export async function readInput(input: ImageInput) {
  const warnings: string[] = []
  const images = await readSavedImages(input.entries(), {
    diffIds: new Set(),
    warn: (text) => void warnings.push(text),
    onLayer: async (tar) => ({ diffId: digest(await collect(tar, 1 << 30, 'a layer')) }),
  })
  const diffIds = images.map(({ platforms }) => platforms.flatMap((one) => one.layers.map(({ diffId }) => diffId)))
  return { diffIds, warnings }
}

export const piped = (bytes: Buffer) => readInput(pipedInput(once(bytes), new AbortController().signal))

export async function* once(bytes: Buffer): Bytes {
  yield bytes
}

export const json = (value: unknown) => Buffer.from(JSON.stringify(value))
/** What is read of `image`. */
export const WHOLE = { diffIds: [[...image.diffIds]], warnings: [] }

export interface Odd {
  readonly config?: string
  readonly layers?: readonly string[]
  readonly manifest?: (entry: object) => Buffer
  readonly more?: readonly Entry[]
  readonly pack?: (layer: Buffer) => Buffer
}

/** An archive of docker before 25, with other names and documents where a test wants it. */
export function archiveOf({ config = 'c.json', layers, manifest, more = [], pack = (layer) => layer }: Odd): Buffer {
  const paths = image.layers.map((_, at) => `${'ab'[at]?.repeat(64)}/layer.tar`)
  const entry = { Config: config, RepoTags: ['case:1'], Layers: layers ?? paths }
  return tarOf([
    { path: 'c.json', body: image.config },
    ...image.layers.map((layer, at) => ({ path: paths[at] ?? '', body: pack(layer) })),
    ...more,
    { path: 'manifest.json', body: manifest?.(entry) ?? json([entry]) },
  ])
}

export const [FIRST, SECOND] = ['a', 'b'].map((letter) => `${letter.repeat(64)}/layer.tar`) as [string, string]
