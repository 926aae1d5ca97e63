import type { NodeState } from '../../../managed/node.ts'
import { formatBytes } from '../../../units.ts'

/** The node for people, a line for each thing. */
export function stateLines(state: NodeState): string[] {
  const { isRunning, name, details, api, gateway, repository, storage } = state
  const rows = [
    ['Status', isRunning ? 'running' : 'stopped'],
    ['Node', `${name} (${details})`],
  ]
  if (isRunning) rows.push(['API', api], ['Gateway', gateway], ['Web UI', `${api}/webui`])
  rows.push(['Images in', repository])
  if (storage !== undefined) rows.push(['Storage', `${formatBytes(storage.used)} of ${formatBytes(storage.limit)}`])
  return rows.map(([head, text]) => `${`${head}:`.padEnd(11)}${text}`)
}
