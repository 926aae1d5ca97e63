import type { Listed } from '../../names/list.ts'
import { formatAge, formatBytes, shortDigest } from '../../output/format.ts'
import { type Row, rowFormat } from '../../output/rows.ts'
import { defineCommand } from '../command.ts'
import { api, format } from '../options.ts'

const ROWS = {
  heads: {
    Name: 'NAME',
    Tag: 'TAG',
    CID: 'CID',
    ConfigDigest: 'CONFIG DIGEST',
    SavedSince: 'SAVED',
    SavedAt: 'SAVED AT',
    Size: 'SIZE',
  },
  shown: ['Name', 'Tag', 'CID', 'ConfigDigest', 'SavedSince', 'Size'],
}

export const ls = defineCommand({
  name: 'ls',
  usage: 'docker ipfs ls [OPTIONS] [NAME]',
  summary: 'List the images that the node keeps',
  arity: [0, 1],
  options: [
    api,
    format,
    { name: 'no-trunc', type: 'boolean', description: "Don't truncate output" },
    { name: 'quiet', short: 'q', type: 'boolean', description: 'Only show CIDs' },
  ],
  async run(context, { flags, words: [name] }) {
    const { lines } = rowFormat(flags.format, ROWS)
    const [{ list }, { repositoryAndTag }, parts] = await Promise.all([
      import('../../names/list.ts'),
      import('../../names/show.ts'),
      context.connect({ ...flags, quiet: false, progress: 'auto' }),
    ])
    const { images, odd } = await list(parts)
    const rows = images
      .map((image) => ({ image, ...repositoryAndTag(image.name) }))
      .filter(({ repository, tag }) => name === undefined || name === repository || name === `${repository}:${tag}`)
    if (flags.quiet) for (const { image } of rows) await context.output.line(image.root.toString())
    else {
      const digest = (text: string) => (flags['no-trunc'] ? text : shortDigest(text))
      const shown = rows.map(({ image, repository, tag }) => ({
        Name: repository,
        Tag: tag,
        ...fieldsOf(image, digest),
      }))
      for (const line of lines(shown)) await context.output.line(line)
    }
    for (const { image, repository, tag } of rows) {
      if (image.size !== undefined) continue
      parts.report({ type: 'warning', text: `${repository}:${tag} is no image, or lost: ${image.root}` })
    }
    for (const path of odd) parts.report({ type: 'warning', text: `not written by docker ipfs: /docker-ipfs/${path}` })
  },
})

function fieldsOf({ root, record, size }: Listed, digest: (text: string) => string): Row {
  const saved = record === undefined ? Number.NaN : Date.now() - Date.parse(record.savedAt)
  return {
    CID: root.toString(),
    ConfigDigest: record === undefined ? '?' : digest(record.configDigest),
    SavedSince: Number.isNaN(saved) ? '?' : `${formatAge(saved)} ago`,
    SavedAt: record?.savedAt ?? '?',
    Size: size === undefined ? '?' : formatBytes(size),
  }
}
