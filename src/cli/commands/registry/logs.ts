import { defineCommand } from '../../command.ts'
import { logOptions } from '../../options.ts'
import { checkTail } from '../../usage.ts'

const OF = { usage: 'docker ipfs registry logs [OPTIONS]', path: 'docker ipfs registry logs' }

export const registryLogs = defineCommand({
  name: 'registry logs',
  usage: OF.usage,
  summary: 'Show what was asked of the registry',
  arity: [0, 0],
  options: logOptions,
  async run(context, { flags }) {
    checkTail(flags.tail, OF)
    const { door, signal } = await context.door()
    await context.output.bytes(door.logs(flags, signal))
  },
})
