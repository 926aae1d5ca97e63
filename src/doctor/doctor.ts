import type { Engine } from '../docker/engine.ts'
import type { NodeHealth } from '../kubo/health.ts'
import { type ConfigState, examineConfig } from './config.ts'
import { examineEngine } from './engine.ts'
import type { Finding } from './finding.ts'
import { examineNode, type Sizes } from './node.ts'
import { examinePlugin, type Plugins } from './plugin.ts'

/** What is looked at. */
export interface Patient extends Sizes {
  readonly engine: Pick<Engine, 'info'>
  /** @throws BAD_FLAG, FILE_FAILED when the address or its secret cannot be read */
  readonly openNode: () => Promise<NodeHealth>
  readonly plugins: Plugins
  readonly config: ConfigState
  readonly signal: AbortSignal
}

/** Looks at everything that a command needs. Changes nothing; what is wrong is a finding, not an error. */
export async function examine({ engine, openNode, plugins, config, format, signal }: Patient): Promise<Finding[]> {
  const parts = await Promise.all([
    examineEngine(engine, signal),
    examineNode(openNode, { format }, signal),
    examinePlugin(plugins, signal),
    examineConfig(config),
  ])
  return parts.flat()
}
