/** Sizes and durations as docker writes and reads them. Pure. */

const SIZE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'] as const

/** `1985000` → `1.985MB`: decimal units and at most 4 significant digits, as docker's progress and `docker images`. */
export function formatBytes(bytes: number): string {
  return inUnit(bytes, unitOf(bytes), 4)
}

/** A size and what it is held against, both in the unit of the latter; with more digits where they would look the same. */
export function formatAgainst(bytes: number, limit: number): readonly [string, string] {
  const unit = unitOf(limit)
  for (let digits = 4; ; digits++) {
    const [size, most] = [inUnit(bytes, unit, digits), inUnit(limit, unit, digits)]
    if (size !== most || bytes === limit || digits > 20) return [size, most]
  }
}

function unitOf(bytes: number): number {
  let unit = 0
  for (let value = bytes; value >= 1000 && unit < SIZE_UNITS.length - 1; value /= 1000) unit++
  return unit
}

function inUnit(bytes: number, unit: number, digits: number): string {
  return `${Number((bytes / 1000 ** unit).toPrecision(digits))}${SIZE_UNITS[unit]}`
}

/** Milliseconds as Go writes a duration: `1m30s`, `2h0m0s`, `1.5s`, `250ms`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  if (ms < 1000) return `${ms}ms`
  const hours = Math.floor(ms / 3_600_000)
  const minutes = Math.floor((ms % 3_600_000) / 60_000)
  const seconds = `${(ms % 60_000) / 1000}s`
  if (hours > 0) return `${hours}h${minutes}m${seconds}`
  return minutes > 0 ? `${minutes}m${seconds}` : seconds
}

/** Work that takes longer is told how long it takes, in milliseconds. */
export const LONG_MS = 3000

/** `9.87MB/s`: what that many bytes in that many milliseconds are. */
export function formatRate(bytes: number, ms: number): string {
  return `${formatBytes(Math.round((bytes * 1000) / ms))}/s`
}

/** `Saved 121.5MB in 12.3 s (9.878MB/s)`, without bytes `Took 12.3 s`; undefined where it was over at once. */
export function tookLong(done: string, bytes: number, ms: number): string | undefined {
  if (ms < LONG_MS) return undefined
  const time = ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : formatDuration(Math.round(ms / 1000) * 1000)
  return bytes === 0 ? `Took ${time}` : `${done} ${formatBytes(bytes)} in ${time} (${formatRate(bytes, ms)})`
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/**
 * Reads a Go duration (`90s`, `5m`, `1h30m`, `1.5h`, `0`) and gives milliseconds, rounded.
 * Undefined when the text is no duration: a bare number other than 0 has no unit and is none. Negative ones are refused,
 * since nothing here can wait for less than no time.
 */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  if (!/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined
  let total = 0
  for (const [, number = '', unit = ''] of text.matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(number) * (UNIT_MS[unit] ?? Number.NaN)
  }
  return Number.isFinite(total) ? Math.round(total) : undefined
}

/** `sha256:73bc5939a32e…` → `73bc5939a32e`, the 12 digits that docker shows for a layer or an image. */
export function shortDigest(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1).slice(0, 12)
}

const AGES = [
  ['year', 365 * 24 * 3600],
  ['month', 30 * 24 * 3600],
  ['week', 7 * 24 * 3600],
  ['day', 24 * 3600],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const

/** Milliseconds in the words of `docker images`: `5 seconds`, `About a minute`, `About an hour`, `3 weeks`. */
export function formatAge(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  if (seconds < 1) return 'Less than a second'
  if (seconds >= 60 && seconds < 120) return 'About a minute'
  if (seconds >= 3600 && seconds < 7200) return 'About an hour'
  // As there, a unit is used from its double on: 36 hours, 10 days, 18 months.
  const [unit, length] =
    AGES.find(([name, of]) => seconds >= (name === 'minute' || name === 'hour' || name === 'second' ? of : 2 * of)) ??
    AGES[6]
  const count = Math.floor(seconds / length)
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

/** How long ago a time (ISO 8601) was, as docker writes it; `N/A` for what is no time. */
export function formatSince(time: string | undefined): string {
  const ms = Date.now() - Date.parse(time ?? '')
  return Number.isNaN(ms) ? 'N/A' : `${formatAge(ms)} ago`
}
