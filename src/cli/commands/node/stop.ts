import { defineCommand } from '../../command.ts'

export const nodeStop = defineCommand({
  name: 'node stop',
  usage: 'docker ipfs node stop',
  summary: 'Stop the node, until it is started again',
  arity: [0, 0],
  options: [],
  async run(context) {
    const { managed, report, signal } = await context.ownNode()
    const { name } = await managed.stop(signal)
    report({ type: 'step', text: `Stopped: ${name}` })
  },
})
