import { defineCommand } from '../../command.ts'

export const nodeRm = defineCommand({
  name: 'node rm',
  usage: 'docker ipfs node rm [OPTIONS]',
  summary: 'Stop and remove the node; its images stay, for the next one',
  arity: [0, 0],
  options: [
    {
      name: 'volumes',
      short: 'v',
      type: 'boolean',
      description: 'Remove its repository as well, with all images and keys in it',
    },
  ],
  async run(context, { flags }) {
    const { managed, report, signal } = await context.ownNode()
    const { name, repository } = await managed.remove(flags.volumes, signal)
    report({ type: 'step', text: `Removed: ${name}${flags.volumes ? ` and ${repository}` : `; kept: ${repository}`}` })
  },
})
