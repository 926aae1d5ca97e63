import type { Engine } from '../engine/engine.ts'
import { type ConfigState, examineConfig } from './config.ts'
import { examineEngine } from './engine.ts'
import type { Finding } from './finding.ts'
import { examineNode, type Nodes, type Sizes } from './node.ts'
import { examinePlugin, type Plugins } from './plugin.ts'

/** What is looked at. */
export interface Patient extends Sizes, Nodes {
  readonly engine: Pick<Engine, 'info'>
  readonly plugins: Plugins
  readonly config: ConfigState
  readonly signal: AbortSignal
}

/** Looks at everything that a command needs. Changes nothing; what is wrong is a finding, not an error. */
export async function examine({ engine, plugins, config, signal, ...nodes }: Patient): Promise<Finding[]> {
  const parts = await Promise.all([
    examineEngine(engine, signal),
    examineNode(nodes, nodes, signal),
    examinePlugin(plugins, signal),
    examineConfig(config),
  ])
  return parts.flat()
}
