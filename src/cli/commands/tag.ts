import { defineCommand } from '../command.ts'
import { api } from '../options.ts'

export const tag = defineCommand({
  name: 'tag',
  usage: 'docker ipfs tag [OPTIONS] REFERENCE NAME',
  summary: 'Give an image that the node keeps one more name',
  arity: [2, 2],
  takes: ['reference', 'name'],
  options: [api],
  async run(context, { flags, words: [reference = '', name = ''] }) {
    const [{ tag }, ports] = await Promise.all([
      import('../../names/tag.ts'),
      context.connect({ ...flags, quiet: false, progress: 'auto' }),
    ])
    await tag(reference, name, ports)
  },
})
