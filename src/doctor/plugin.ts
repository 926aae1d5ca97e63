import { semver } from 'bun'
import type { PluginInfo } from '../engine/docker/plugins.ts'
import { type Finding, failure, ok, warn } from './finding.ts'

const part = 'plugin'

export interface Plugins {
  /** The version and the file of the program that runs. */
  readonly own: { readonly version: string; readonly path: string }
  /** What docker starts for `docker ipfs`. @throws ENGINE_* */
  readonly installed: (signal: AbortSignal) => Promise<PluginInfo | undefined>
  readonly versionOf: (path: string, signal: AbortSignal) => Promise<string | undefined>
  /** A path without symbolic links. */
  readonly realPath: (path: string) => string
}

export async function examinePlugin(plugins: Plugins, signal: AbortSignal): Promise<Finding[]> {
  const { own } = plugins
  const version = ok({ part, check: 'version' }, `docker-ipfs ${own.version}, ${own.path}`)
  try {
    const installed = await plugins.installed(signal)
    return [version, ...(await copiesOf(installed, plugins, signal))]
  } catch (error) {
    return [version, failure({ part, check: 'copies' }, error, signal)]
  }
}

async function copiesOf(installed: PluginInfo | undefined, plugins: Plugins, signal: AbortSignal): Promise<Finding[]> {
  const { own, realPath, versionOf } = plugins
  const place = { part, check: 'copies' } as const
  if (installed === undefined) {
    return [warn(place, 'docker does not know this plugin', `Copy ${own.path} to ~/.docker/cli-plugins/docker-ipfs.`)]
  }
  const findings: Finding[] = []
  if (realPath(installed.path) !== realPath(own.path)) {
    const found = `docker starts another copy: ${installed.path} (${installed.version})`
    findings.push(warn(place, found, `Delete it, or use it instead of ${own.path}.`))
  }
  for (const path of installed.hidden) {
    if (realPath(path) === realPath(installed.path)) continue
    const version = await versionOf(path, signal)
    findings.push(hiddenCopy(installed, { path, version: version ?? '?' }))
  }
  return findings.length === 0 ? [ok(place, 'docker has this one alone')] : findings
}

interface Copy {
  readonly path: string
  /** `?` for what does not run. */
  readonly version: string
}

/** What is left of an earlier way to install it, or what a package manager brings, stays unseen for long. */
function hiddenCopy(used: Copy, hidden: Copy): Finding {
  const place = { part, check: 'copies' } as const
  const found = `${hidden.path} (${hidden.version}) is hidden by ${used.path} (${used.version})`
  const isNewer = hidden.version !== '?' && semver.order(hidden.version, used.version) > 0
  if (isNewer) return warn(place, `a newer copy, ${found}`, `Delete ${used.path}, so that docker takes the newer one.`)
  return warn(place, `a second copy, ${found}`, `Delete ${hidden.path}.`)
}
