import type { NodeOptions } from '../../../managed/settings.ts'
import { type CommandContext, defineCommand } from '../../command.ts'
import type { Parsed } from '../../parse.ts'
import { badFlag } from '../../usage.ts'
import { stateLines } from './state.ts'

const OF = { usage: 'docker ipfs node start [OPTIONS]', path: 'docker ipfs node start' }

const OPTIONS = [
  {
    name: 'announce',
    type: 'boolean',
    description: 'Announce saved images to the network, so that anybody can find them',
  },
  { name: 'storage-max', type: 'string', description: 'Storage limit, e.g. 200GB (50GB where it was never given)' },
  {
    name: 'swarm-key',
    type: 'string',
    description: 'Join the private network of this key file, and no other',
    isPath: true,
  },
  { name: 'swarm-port', type: 'string', description: 'Let other nodes connect on this port, from anywhere' },
] as const

export const nodeStart = defineCommand({
  name: 'node start',
  usage: OF.usage,
  summary: 'Start the node; make one where there is none',
  arity: [0, 0],
  options: OPTIONS,
  async run(context, { flags }) {
    const options = await nodeOptions(flags, context)
    const { managed, report, signal } = await context.ownNode()
    const tell = (type: 'step' | 'warning') => (text: string) => report({ type, text })
    const state = await managed.start(options, signal, tell('step'), tell('warning'))
    for (const line of stateLines(state)) await context.output.line(line)
  },
})

async function nodeOptions(flags: Parsed<typeof OPTIONS>['flags'], context: CommandContext): Promise<NodeOptions> {
  const { 'storage-max': storageMax, 'swarm-key': keyFile, 'swarm-port': port } = flags
  if (storageMax !== undefined && !/^\d+(\.\d+)?[kMGT]i?B$/i.test(storageMax)) {
    throw badFlag(`--storage-max is a size such as 200GB, not "${storageMax}"`, OF)
  }
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) > 0 && Number(port) < 65536)) {
    throw badFlag(`--swarm-port is a port, 1 to 65535, not "${port}"`, OF)
  }
  const swarmKey = keyFile === undefined ? undefined : await context.readFile(keyFile)
  return {
    ...(flags.announce ? { announce: true } : {}),
    ...(storageMax === undefined ? {} : { storageMax }),
    ...(port === undefined ? {} : { swarmPort: Number(port) }),
    ...(swarmKey === undefined ? {} : { swarmKey }),
  }
}
