import { semver } from 'bun'
import type { Engine } from '../engine/engine.ts'
import { type Finding, fail, failure, ok } from './finding.ts'

/** The oldest engine that the tests run on. */
const OLDEST = '20.10.0'

const part = 'engine'

export async function examineEngine(engine: Pick<Engine, 'info'>, signal: AbortSignal): Promise<Finding[]> {
  try {
    const { version, containerdStore, os, architecture } = await engine.info(signal)
    const platform = [os, architecture].filter((word) => word !== '').join('/')
    return [
      ok({ part, check: 'reachable' }, `it answers${platform === '' ? '' : `; ${platform}`}`),
      versionOf(version),
      ok({ part, check: 'store' }, containerdStore ? 'containerd' : 'classic (graph driver)'),
    ]
  } catch (error) {
    return [failure({ part, check: 'reachable' }, error, signal)]
  }
}

function versionOf(version: string): Finding {
  const place = { part, check: 'version' } as const
  // Some builds have words for a version; they are not old.
  const isOld = /^\d+\.\d+\.\d+/.test(version) && semver.order(version, OLDEST) < 0
  return isOld
    ? fail(place, `Docker ${version} is too old`, 'Update it to 20.10 or newer.')
    : ok(place, `Docker ${version}`)
}
