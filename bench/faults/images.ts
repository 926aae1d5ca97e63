/** The images of the campaign: small ones that share layers, and some of 50 MB for faults in mid-transfer. */
import { bulk, imageOf, type TestImage } from '../../test/support/images.ts'
import { tarOf } from '../../test/support/tar.ts'

/** What commands are tried on. */
export const SMALL = ['app:1', 'app:2', 'app:3'] as const
export const LARGE = ['big:1', 'big:2'] as const
/** On the node from the beginning to the end; no command is told to touch them. They share layers with the others. */
export const KEPT = ['keep:1', 'keep:2', 'keep:big'] as const

export type ImageName = (typeof SMALL)[number] | (typeof LARGE)[number] | (typeof KEPT)[number]

export const NAMES: readonly ImageName[] = [...SMALL, ...LARGE, ...KEPT]

export function isLarge(name: ImageName): boolean {
  return name.includes('big')
}

const made = new Map<ImageName, TestImage>()

export function imageNamed(name: ImageName): TestImage {
  const image = made.get(name) ?? (isLarge(name) ? large(name) : small(name))
  made.set(name, image)
  return image
}

function small(name: ImageName): TestImage {
  const files = Array.from({ length: 200 }, (_, at) => ({ path: `usr/share/${at}`, body: text(at * 100, 100) }))
  const base = tarOf([...files, { path: 'usr/lib/base', body: bulk(700_000, 'base') }])
  return imageOf([base, tarOf([{ path: 'opt/data', body: bulk(300_000, 'data') }]), own(name, 200_000)])
}

/** Its first layer is worth a step of a load of its own. */
function large(name: ImageName): TestImage {
  const files = Array.from({ length: 200 }, (_, at) => ({ path: `usr/share/${at}`, body: text(at * 1000, 1000) }))
  const base = tarOf([...files, { path: 'usr/lib/large', body: bulk(17_000_000, 'large') }])
  return imageOf([base, tarOf([{ path: 'opt/data', body: bulk(1_500_000, 'more') }]), own(name, 25_000_000)])
}

function own(name: ImageName, bytes: number): Buffer {
  return tarOf([{ path: 'app', body: bulk(bytes, name) }])
}

function text(from: number, lines: number): Buffer {
  return Buffer.from(Array.from({ length: lines }, (_, at) => `${from + at}: nothing to see here\n`).join(''))
}
