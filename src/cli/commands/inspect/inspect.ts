import { documentFormat } from '../../../output/rows.ts'
import type { Value } from '../../../output/template-functions.ts'
import { defineCommand } from '../../command.ts'
import { forEachOf } from '../../exit.ts'
import { api, format, platform, timeout } from '../../options.ts'

export const inspect = defineCommand({
  name: 'inspect',
  usage: 'docker ipfs inspect [OPTIONS] REFERENCE [REFERENCE...]',
  summary: 'Show all that is known of images',
  arity: [1, Number.POSITIVE_INFINITY],
  takes: ['reference'],
  options: [
    api,
    { ...format, short: 'f', description: 'Format output: "json", or a Go template' },
    platform,
    { name: 'providers', type: 'boolean', description: 'Ask the network which nodes have the image' },
    timeout,
  ],
  async run(context, { flags, words }) {
    const text = documentFormat(flags.format)
    const [{ describe }, ports] = await Promise.all([
      import('../../../inspect/describe.ts'),
      context.connect({ ...flags, quiet: false, progress: 'auto' }),
    ])
    const { platform, providers, timeout: timeoutMs } = flags
    const found: Value[] = []
    try {
      await forEachOf(words, async (word) => {
        found.push((await describe(word, { ...ports, platform, providers, timeoutMs })) as Value)
      })
    } finally {
      // As docker: one list of all, but a template is run for each. What is wrong is told behind that.
      const isTemplate = !['', 'json'].includes(flags.format?.trim() ?? '')
      for (const document of isTemplate || found.length === 0 ? found : [found])
        await context.output.line(text(document))
    }
  },
})
