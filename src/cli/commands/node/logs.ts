import { defineCommand } from '../../command.ts'
import { logOptions } from '../../options.ts'
import { checkTail } from '../../usage.ts'

const OF = { usage: 'docker ipfs node logs [OPTIONS]', path: 'docker ipfs node logs' }

export const nodeLogs = defineCommand({
  name: 'node logs',
  usage: OF.usage,
  summary: 'Show what the node wrote',
  arity: [0, 0],
  options: logOptions,
  async run(context, { flags }) {
    checkTail(flags.tail, OF)
    const { managed, signal } = await context.ownNode()
    await context.output.bytes(managed.logs(flags, signal))
  },
})
