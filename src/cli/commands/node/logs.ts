import { defineCommand } from '../../command.ts'
import { badFlag } from '../../usage.ts'

const OF = { usage: 'docker ipfs node logs [OPTIONS]', path: 'docker ipfs node logs' }

export const nodeLogs = defineCommand({
  name: 'node logs',
  usage: OF.usage,
  summary: 'Show what the node wrote',
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
    const { managed, signal } = await context.ownNode()
    await context.output.bytes(managed.logs(flags, signal))
  },
})
