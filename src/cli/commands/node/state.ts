import type { NodeState } from '../../../managed/node.ts'
import { formatBytes } from '../../../units.ts'

const OPEN_TO = {
  everybody: 'every user of this machine; "docker ipfs node restart" closes it',
  nobody: 'nobody, since its secret is lost; "docker ipfs node restart" makes one that fits',
}

/** The node for people, a line for each thing. */
export function stateLines(state: NodeState): string[] {
  const { isRunning, isStarting, openTo, name, details, api, gateway, repository, storage } = state
  const rows = [
    ['Status', isRunning ? 'running' : isStarting ? 'starting' : 'stopped'],
    ['Node', `${name} (${details})`],
  ]
  if (isRunning) rows.push(['API', api], ['Gateway', gateway], ['Web UI', `${api}/webui`])
  if (isRunning && openTo !== undefined && openTo !== 'owner') rows.push(['Open to', OPEN_TO[openTo]])
  rows.push(['Images in', repository])
  if (storage !== undefined) rows.push(['Storage', `${formatBytes(storage.used)} of ${formatBytes(storage.limit)}`])
  return rows.map(([head, text]) => `${`${head}:`.padEnd(11)}${text}`)
}
