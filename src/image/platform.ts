import { DockerIpfsError } from '../errors.ts'

/**
 * Platforms as OCI writes them, and which of several is meant by one. Names and variants: OCI image-spec v1.1, image-index.md,
 * "Platform Variants"; what runs what: each architecture runs the variants below its own.
 */
export interface Platform {
  readonly os: string
  readonly architecture: string
  /** Empty where there is none, or where it is the one that goes without saying (`v8` of arm64). */
  readonly variant: string
}

/** A platform as an index writes it. */
export interface FullPlatform extends Platform {
  /** Empty where there is none; Windows has one. */
  readonly osVersion: string
}

/** Other names of architectures, as `uname -m` and users write them, and the variants that they imply. */
export const ALIASES: ReadonlyMap<string, readonly [architecture: string, variant: string]> = new Map([
  ['x86_64', ['amd64', '']],
  ['x86-64', ['amd64', '']],
  ['i386', ['386', '']],
  ['i686', ['386', '']],
  ['aarch64', ['arm64', '']],
  ['armhf', ['arm', 'v7']],
  ['armel', ['arm', 'v6']],
  ['armv7l', ['arm', 'v7']],
  ['armv6l', ['arm', 'v6']],
  ['armv5tel', ['arm', 'v5']],
])

/** Variants that go without saying. */
const PLAIN: Readonly<Record<string, string>> = { arm64: 'v8', amd64: 'v1' }
const OSES = ['linux', 'windows', 'darwin', 'freebsd']
const PART = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/

/** The same platform always in the same words (docs/format.md, "Platforms"). An explicit variant goes before an implied one. */
export function platformOf(os: string, architecture: string, variant: string): Platform {
  const lower = architecture.toLowerCase()
  const [known, implied] = ALIASES.get(lower) ?? [lower, '']
  const given = (variant || implied).toLowerCase()
  const numbered = /^\d+$/.test(given) ? `v${given}` : given
  return { os: os.toLowerCase(), architecture: known, variant: numbered === PLAIN[known] ? '' : numbered }
}

/** `linux/arm64` */
export function platformName({ os, architecture, variant }: Platform): string {
  return [os || 'unknown', architecture || 'unknown', ...(variant === '' ? [] : [variant])].join('/')
}

/**
 * Reads `os[/arch[/variant]]`; a word alone may be an architecture of Linux too.
 * @throws BAD_FLAG
 */
export function parsePlatform(text: string): Platform {
  const parts = text.split('/')
  const [first = '', architecture = '', variant = ''] = parts
  if (parts.length > 3 || !parts.every((part) => PART.test(part))) {
    throw new DockerIpfsError('BAD_FLAG', `"${text}" is no platform`, {
      hint: 'Give --platform os[/arch[/variant]], such as linux/arm64.',
    })
  }
  if (parts.length > 1 || OSES.includes(first.toLowerCase())) return platformOf(first, architecture, variant)
  return platformOf('linux', first, '')
}

/**
 * The candidate that was asked for: where a variant was named that one, else the best that such a machine runs, else the only
 * one of this architecture.
 */
export function pickAsked<T extends { readonly platform: Platform }>(
  candidates: readonly T[],
  asked: Platform,
): T | undefined {
  const same = candidates.filter(
    ({ platform }) =>
      platform.os === asked.os && (asked.architecture === '' || platform.architecture === asked.architecture),
  )
  if (asked.architecture === '') return same.length === 1 ? same[0] : undefined
  const exact = same.find(({ platform }) => platform.variant === asked.variant)
  if (exact !== undefined || asked.variant !== '') return exact
  return pickRunnable(same, asked) ?? (same.length === 1 ? same[0] : undefined)
}

/** The best of the candidates that run on a machine. */
export function pickRunnable<T extends { readonly platform: Platform }>(
  candidates: readonly T[],
  machine: Platform,
): T | undefined {
  for (const [architecture, variant] of runs(machine)) {
    const found = candidates.find(
      ({ platform }) =>
        platform.os === machine.os && platform.architecture === architecture && platform.variant === variant,
    )
    if (found !== undefined) return found
  }
  return undefined
}

/** Names those that exist, and those that an index names without having them. */
export function noSuchPlatform(
  asked: Platform,
  candidates: readonly { readonly platform: Platform }[],
  missing: readonly string[] = [],
): DockerIpfsError {
  const there = candidates.map(({ platform }) => platformName(platform)).join(', ')
  const lacking = missing.length === 0 ? '' : ` (named, but not there: ${missing.join(', ')})`
  return new DockerIpfsError('PLATFORM_NOT_FOUND', `the image has no ${platformName(asked)}, only ${there}${lacking}`, {
    hint: 'Give one of these to --platform.',
  })
}

/** What a machine runs, the best first. */
function runs({ architecture, variant }: Platform): (readonly [architecture: string, variant: string])[] {
  const number = Number(/^v(\d+)/.exec(variant)?.[1] ?? 0)
  const down = (name: string, from: number, to: number) =>
    Array.from({ length: Math.max(from - to + 1, 0) }, (_, at) => [name, `v${from - at}`] as const)
  if (architecture === 'arm') return [...down('arm', number || 7, 5), ['arm', '']]
  if (architecture === 'arm64') return [...down('arm64', number, 9), ['arm64', ''], ...down('arm', 8, 5), ['arm', '']]
  if (architecture === 'amd64') return [...down('amd64', number, 2), ['amd64', ''], ['386', '']]
  return [[architecture, variant], ...(variant === '' ? [] : [[architecture, ''] as const])]
}

/** Sorts platforms in the one order that the format knows. */
export function comparePlatforms(a: FullPlatform, b: FullPlatform): number {
  const key = ({ os, architecture, variant, osVersion }: FullPlatform) =>
    Buffer.from([os, architecture, variant, osVersion].join('\0'))
  return Buffer.compare(key(a), key(b))
}
