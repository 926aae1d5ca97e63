import { defineCommand } from '../../command.ts'
import { stateFormat } from '../../options.ts'
import { stateLines } from './state.ts'

export const nodeStatus = defineCommand({
  name: 'node status',
  usage: 'docker ipfs node status [OPTIONS]',
  summary: 'Show whether the node runs, and where',
  arity: [0, 0],
  options: [stateFormat],
  async run(context, { flags }) {
    const { managed, signal } = await context.ownNode()
    const state = await managed.status(signal)
    if (flags.format === 'json') return context.output.line(JSON.stringify(state ?? null))
    const lines =
      state === undefined ? ['Status:    there is none; make one with "docker ipfs node start"'] : stateLines(state)
    for (const line of lines) await context.output.line(line)
  },
})
