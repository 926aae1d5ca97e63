import { defineCommand } from '../../command.ts'
import { stateLines } from './state.ts'

export const nodeRestart = defineCommand({
  name: 'node restart',
  usage: 'docker ipfs node restart',
  summary: 'Stop the node and start it again, in the version of this docker-ipfs',
  arity: [0, 0],
  options: [],
  async run(context) {
    const { managed, report, signal } = await context.ownNode()
    const state = await managed.restart(signal, (text) => report({ type: 'step', text }))
    for (const line of stateLines(state)) await context.output.line(line)
  },
})
