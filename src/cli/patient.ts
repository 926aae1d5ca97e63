import { realpathSync } from 'node:fs'
import metadata from '../../plugin-metadata.json' with { type: 'json' }
import type { Patient } from '../doctor/doctor.ts'
import { formatBytes } from '../units.ts'
import {
  findEndpoint,
  lookOnly,
  openDocker,
  openDoor,
  openHealth,
  openPlugins,
  openRemotes,
  openSecrets,
} from './adapters.ts'
import type { Environment } from './environment.ts'
import { inEffect, nodeSettings } from './settings.ts'

export interface PatientOptions {
  readonly environment: Environment
  /** Docker's own flags, of whoever started us. */
  readonly dockerGlobals: readonly string[]
  readonly signal: AbortSignal
}

/** What `doctor` looks at; `api`: the value of --api. Nothing is asked yet, and no node is started. */
export async function patientOf(
  api: string | undefined,
  { environment, dockerGlobals, signal }: PatientOptions,
): Promise<Patient> {
  const { settings } = environment
  const said = nodeSettings(settings, api)
  const { docker, engine, managed } = await openDocker(environment, dockerGlobals)
  const [remotes, { checkRemotes }] = await Promise.all([
    openRemotes(environment),
    import('../copies/remotes/check.ts'),
  ])
  const open = async (values: typeof said) =>
    openHealth(await findEndpoint(values, environment, lookOnly(managed, signal)))
  return {
    engine,
    openNode: () => open(said),
    openOther: () => open({}),
    plugins: {
      ...(await openPlugins(docker, environment)),
      own: { version: metadata.Version, path: process.execPath },
      realPath: (path) => realpathSync(path),
    },
    config: {
      file: settings.file,
      faults: settings.faults,
      inEffect: inEffect(settings),
      openSecrets: await openSecrets(said, environment),
    },
    lookAtRegistry: async (limited) => (await openDoor(environment, dockerGlobals)).status(limited),
    lookAtRemotes: async (limited) => {
      // What is wrong with the file is told by commands that need it.
      const all = await remotes.all().catch(() => [])
      return checkRemotes(all, remotes, limited)
    },
    format: formatBytes,
    signal,
  }
}
