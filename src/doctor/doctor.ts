/*
 * The doctor says what is wrong with engine, node, plugin and settings, and the one thing to do about it.
 *
 * Each part has a file, whose `examine…` gives findings. This file puts them together. The room only looks: it changes
 * nothing and prints nothing. An error that a command would end with is a finding here. A bug, or Ctrl-C, stays an error.
 *
 * To add a look: a finding in the file of its part, with a `check` of one or two words. To add a part: name it in
 * `Finding`, give it a file, and ask it here. What it looks at comes with `Patient`, so that tests can say what there is.
 */

import type { Checked } from '../copies/remotes/check.ts'
import type { Engine } from '../engine/engine.ts'
import { type ConfigState, examineConfig } from './config.ts'
import { examineEngine } from './engine.ts'
import type { Finding, Sizes } from './finding.ts'
import { examineNode, type Nodes } from './node.ts'
import { examinePlugin, type Plugins } from './plugin.ts'
import { examineRegistry, type RegistryLook } from './registry.ts'
import { examineRemotes } from './remotes.ts'

/** What is looked at. */
export interface Patient extends Sizes, Nodes {
  readonly engine: Pick<Engine, 'info' | 'freeBytes'>
  readonly plugins: Plugins
  readonly config: ConfigState
  readonly lookAtRemotes: (signal: AbortSignal) => Promise<readonly Checked[]>
  readonly lookAtRegistry: (signal: AbortSignal) => Promise<RegistryLook>
  readonly signal: AbortSignal
}

/** Looks at everything that a command needs. Changes nothing; what is wrong is a finding, not an error. */
export async function examine({
  engine,
  plugins,
  config,
  lookAtRegistry,
  lookAtRemotes,
  signal,
  ...nodes
}: Patient): Promise<Finding[]> {
  const parts = await Promise.all([
    examineEngine(engine, nodes, signal),
    examineNode(nodes, nodes, signal),
    examinePlugin(plugins, signal),
    examineConfig(config),
    lookAtRegistry(signal).then(examineRegistry),
    lookAtRemotes(signal).then(examineRemotes),
  ])
  return parts.flat()
}
