import { defineCommand } from '../../command.ts'
import { badFlag } from '../../usage.ts'

const OF = { usage: 'docker ipfs registry logs [OPTIONS]', path: 'docker ipfs registry logs' }

export const registryLogs = defineCommand({
  name: 'registry logs',
  usage: OF.usage,
  summary: 'Show what was asked of the registry',
  arity: [0, 0],
  options: [
    { name: 'follow', short: 'f', type: 'boolean', description: 'Follow log output' },
    {
      name: 'tail',
      short: 'n',
      type: 'string',
      description: 'Number of lines to show from the end of the logs',
      default: 'all',
    },
  ],
  async run(context, { flags }) {
    if (!/^(all|\d+)$/.test(flags.tail)) throw badFlag(`--tail is a number of lines or "all", not "${flags.tail}"`, OF)
    const { door, signal } = await context.door()
    await context.output.bytes(door.logs(flags, signal))
  },
})
