import { defineCommand } from '../command.ts'
import { api, timeout } from '../options.ts'

export const resolve = defineCommand({
  name: 'resolve',
  usage: 'docker ipfs resolve [OPTIONS] REFERENCE',
  summary: 'Show the CID that a reference stands for',
  arity: [1, 1],
  takes: ['reference'],
  options: [api, timeout],
  async run(context, { flags, words: [reference = ''] }) {
    const [{ resolve }, ports] = await Promise.all([
      import('../../names/resolve.ts'),
      context.connect({ ...flags, quiet: false, progress: 'auto' }),
    ])
    const { root } = await resolve(reference, { ...ports, timeoutMs: flags.timeout })
    await context.output.line(root.toString())
  },
})
