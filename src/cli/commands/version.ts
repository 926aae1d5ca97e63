import metadata from '../../../plugin-metadata.json' with { type: 'json' }
import { defineCommand } from '../command.ts'

export const version = defineCommand({
  name: 'version',
  usage: 'docker ipfs version',
  summary: 'Show the version of docker-ipfs',
  arity: [0, 0],
  options: [],
  async run(context) {
    await context.output.line(`docker-ipfs version ${metadata.Version}`)
  },
})
