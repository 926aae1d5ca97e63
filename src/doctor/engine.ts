import { semver } from 'bun'
import type { Engine } from '../engine/engine.ts'
import { type Finding, FULL, fail, failure, NEARLY_FULL, ok, type Sizes, warn } from './finding.ts'

/** The oldest engine that the tests run on. */
const OLDEST = '20.10.0'

const part = 'engine'

export async function examineEngine(
  engine: Pick<Engine, 'info' | 'freeBytes'>,
  { format }: Sizes,
  signal: AbortSignal,
): Promise<Finding[]> {
  try {
    const { version, product, containerdStore, os, architecture } = await engine.info(signal)
    const freeBytes = await engine.freeBytes(signal)
    const platform = [os, architecture].filter((word) => word !== '').join('/')
    return [
      ok({ part, check: 'reachable' }, `it answers${platform === '' ? '' : `; ${platform}`}`),
      versionOf(version, product),
      ok({ part, check: 'store' }, storeOf(containerdStore, product)),
      ...(freeBytes === undefined ? [] : [diskOf(freeBytes, format)]),
    ]
  } catch (error) {
    return [failure({ part, check: 'reachable' }, error, signal)]
  }
}

function versionOf(version: string, product: string | undefined): Finding {
  const place = { part, check: 'version' } as const
  if (product !== undefined) return ok(place, `${product} ${version}`)
  // Some builds have words for a version, or 0.0.0; they are not old.
  const number = /^v?([1-9]\d*\.\d+\.\d+.*)/.exec(version)?.[1]
  const isOld = number !== undefined && semver.order(number, OLDEST) < 0
  return isOld
    ? fail(place, `Docker ${version} is too old`, 'Update it to 20.10 or newer.')
    : ok(place, `Docker ${version}`)
}

function diskOf(free: number, format: (bytes: number) => string): Finding {
  const place = { part, check: 'disk' } as const
  const left = `${format(free)} left`
  const room = 'Make room: "docker system df" shows what takes it, "docker image prune" removes what nothing uses.'
  if (free < FULL) return fail(place, `its disk is full: ${left}`, room)
  return free < NEARLY_FULL ? warn(place, `its disk is nearly full: ${left}`, room) : ok(place, left)
}

function storeOf(containerdStore: boolean, product: string | undefined): string {
  if (product !== undefined) return `that of ${product}, used as a classic one`
  return containerdStore ? 'containerd' : 'classic (graph driver)'
}
