import { defineCommand } from '../../command.ts'
import { stateLines } from './state.ts'

export const registryRestart = defineCommand({
  name: 'registry restart',
  usage: 'docker ipfs registry restart',
  summary: 'Stop the registry and start it again, as it was, in the version of this docker-ipfs',
  arity: [0, 0],
  options: [],
  async run(context) {
    const { door, signal } = await context.door()
    for (const line of stateLines(await door.restart(signal))) await context.output.line(line)
  },
})
