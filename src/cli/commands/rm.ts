import { formatBytes } from '../../units.ts'
import { defineCommand } from '../command.ts'
import { api } from '../options.ts'

export const rm = defineCommand({
  name: 'rm',
  usage: 'docker ipfs rm [OPTIONS] NAME [NAME...]',
  summary: 'Remove names from the node, and images with their last name',
  arity: [1, Number.POSITIVE_INFINITY],
  takes: ['reference'],
  options: [api],
  async run(context, { flags, words }) {
    const [{ remove }, { familiarName }, ports] = await Promise.all([
      import('../../names/remove.ts'),
      import('../../names/show.ts'),
      context.connect({ ...flags, quiet: false, progress: 'auto' }),
    ])
    let isDeleted = false
    let bytes = 0
    for (const word of words) {
      const { untagged, deleted, freed } = await remove(word, ports)
      // docker's words for `docker rmi`.
      for (const name of untagged) await context.output.line(`Untagged: ${familiarName(name)}`)
      if (deleted === undefined) continue
      await context.output.line(`Deleted: ${deleted}`)
      isDeleted = true
      bytes += freed
    }
    if (isDeleted) {
      ports.report({
        type: 'step',
        text: `The node's next garbage collection frees ${formatBytes(bytes)}: ipfs repo gc`,
      })
    }
  },
})
