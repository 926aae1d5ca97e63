import { rowFormat } from '../../output/rows.ts'
import { formatSince } from '../../units.ts'
import { defineCommand } from '../command.ts'
import { api, format, quiet, timeout } from '../options.ts'

const ROWS = {
  heads: { Sequence: 'NUMBER', PublishedSince: 'PUBLISHED', PublishedAt: 'PUBLISHED AT', Images: 'IMAGES', CID: 'CID' },
  shown: ['Sequence', 'PublishedSince', 'Images', 'CID'],
}

export const published = defineCommand({
  name: 'published',
  usage: 'docker ipfs published [OPTIONS] ipns://KEY[/IMAGE]',
  summary: 'List what was published under a name, or what an image there was, newest first',
  arity: [1, 1],
  takes: ['reference'],
  options: [api, format, quiet('Only show CIDs'), timeout],
  async run(context, { flags, words: [reference = ''] }) {
    const rows = rowFormat(flags.format, ROWS)
    const [{ publicationHistory }, ports] = await Promise.all([
      import('../../publish/history.ts'),
      context.connect({ ...flags, quiet: false, progress: 'auto' }),
    ])
    const warn = (text: string) => ports.report({ type: 'warning', text })
    const found = []
    for await (const { sequence, publishedAt, images, root } of publicationHistory(
      reference,
      { ...ports, timeoutMs: flags.timeout },
      warn,
    )) {
      found.push({
        Sequence: sequence,
        PublishedSince: formatSince(publishedAt),
        PublishedAt: publishedAt,
        Images: images,
        CID: root.toString(),
      })
    }
    const lines = flags.quiet ? found.map(({ CID }) => CID) : rows.lines(found)
    for (const line of lines) await context.output.line(line)
  },
})
