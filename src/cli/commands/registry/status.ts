import { defineCommand } from '../../command.ts'
import { stateFormat } from '../../options.ts'
import { stateLines } from './state.ts'

export const registryStatus = defineCommand({
  name: 'registry status',
  usage: 'docker ipfs registry status [OPTIONS]',
  summary: 'Show whether the registry runs, where, and who may ask it',
  arity: [0, 0],
  options: [stateFormat],
  async run(context, { flags }) {
    const { door, signal } = await context.door()
    const state = await door.status(signal)
    const lines = flags.format === 'json' ? [JSON.stringify(state)] : stateLines(state)
    for (const line of lines) await context.output.line(line)
  },
})
