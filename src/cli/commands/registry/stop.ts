import { defineCommand } from '../../command.ts'

export const registryStop = defineCommand({
  name: 'registry stop',
  usage: 'docker ipfs registry stop',
  summary: 'Stop the registry; whoever pulls or pushes is cut off',
  arity: [0, 0],
  options: [],
  async run(context) {
    const { door, report, signal } = await context.door()
    const { address, pid } = await door.stop(signal)
    report({ type: 'step', text: `Stopped: the registry at ${address} (process ${pid})` })
  },
})
