import { defineCommand } from '../../command.ts'
import { doorOptions, START_FLAGS, TIMEOUT_MS } from './flags.ts'
import { stateLines } from './state.ts'

const OF = { usage: 'docker ipfs registry start [OPTIONS]', path: 'docker ipfs registry start' }

export const registryStart = defineCommand({
  name: 'registry start',
  usage: OF.usage,
  summary: 'Serve the images on IPFS as a registry of this machine, in the background',
  arity: [0, 0],
  options: START_FLAGS,
  startsNode: () => true,
  async run(context, { flags }) {
    const options = doorOptions(flags, OF)
    const { checkOptions } = await import('../../../door/check-options.ts')
    checkOptions(options)
    const { door, report, signal } = await context.door()
    if (!(await door.status(signal)).isRunning) {
      // The door itself would find or start the node as well; here the user sees what that takes, and why it fails.
      await context.connect({ ...flags, timeout: flags.timeout ?? TIMEOUT_MS, quiet: false, progress: 'auto' })
      report({ type: 'step', text: 'Starting the registry ("docker ipfs registry stop" ends it)' })
    }
    for (const line of stateLines(await door.start(options, signal))) await context.output.line(line)
  },
})
