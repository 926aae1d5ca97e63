import type { CatalogueImage } from '../../catalogue/list.ts'
import { type Row, type RowFormat, rowFormat } from '../../output/rows.ts'
import { formatBytes, formatSince, shortDigest } from '../../units.ts'
import { defineCommand } from '../command.ts'
import { api, format } from '../options.ts'

const HEADS = {
  Name: 'NAME',
  Repository: 'REPOSITORY',
  Tag: 'TAG',
  CID: 'CID',
  Digest: 'DIGEST',
  ConfigDigest: 'CONFIG DIGEST',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  SavedSince: 'SAVED',
  SavedAt: 'SAVED AT',
  Size: 'SIZE',
  SharedSize: 'SHARED',
  UniqueSize: 'UNIQUE',
  Bytes: 'BYTES',
  SharedBytes: 'SHARED BYTES',
  UniqueBytes: 'UNIQUE BYTES',
}
const COSTLY = ['SharedSize', 'UniqueSize', 'SharedBytes', 'UniqueBytes']

const options = [
  api,
  { name: 'digests', type: 'boolean', description: 'Show digests: the IDs of containerd stores' },
  {
    name: 'filter',
    short: 'f',
    type: 'list',
    description: 'Filter output (dangling=true|false, reference=PATTERN, before=IMAGE, since=IMAGE)',
  },
  format,
  { name: 'no-trunc', type: 'boolean', description: "Don't truncate output" },
  { name: 'quiet', short: 'q', type: 'boolean', description: 'Only show CIDs' },
  {
    name: 'size',
    short: 's',
    type: 'boolean',
    description: 'Show what each image alone has, and what others have too',
  },
] as const

export const ls = defineCommand({
  name: 'ls',
  aliases: ['images'],
  usage: 'docker ipfs ls [OPTIONS] [NAME]',
  summary: 'List the images that the node keeps',
  arity: [0, 1],
  takes: ['name'],
  options,
  async run(context, { flags, words: [pattern] }) {
    const rows = formatOf(flags)
    const [{ list, uniqueSizes }, { matches, readFilters }, ports] = await Promise.all([
      import('../../catalogue/list.ts'),
      import('../../names/filter.ts'),
      context.connect({ ...flags, quiet: false, progress: 'auto' }),
    ])
    const isWanted = await readFilters(flags.filter, ports)
    const { images, odd } = await list(ports)
    const wanted = images
      .filter((image) => isWanted(image, images))
      .filter(({ name }) => pattern === undefined || matches(name, pattern))
    const unique =
      !flags.quiet && COSTLY.some((field) => rows.wants(field)) ? await uniqueSizes(images, ports) : undefined
    const { repositoryAndTag } = await import('../../names/show.ts')
    const shown = wanted.map((image) => ({
      ...repositoryAndTag(image.name),
      image,
      unique: unique?.get(image.root.toString()),
    }))
    const lines = flags.quiet
      ? [...new Set(wanted.map(({ root }) => root.toString()))]
      : rows.lines(shown.map((one) => rowOf(one, flags['no-trunc'])))
    for (const line of lines) await context.output.line(line)
    for (const { image, repository, tag } of shown) {
      if (image.size !== undefined) continue
      ports.report({ type: 'warning', text: `${repository}:${tag} is no image, or lost: ${image.root}` })
    }
    for (const path of odd) ports.report({ type: 'warning', text: `not written by docker ipfs: /docker-ipfs/${path}` })
  },
})

function formatOf(flags: {
  readonly digests: boolean
  readonly size: boolean
  readonly format: string | undefined
}): RowFormat {
  const digests = flags.digests ? ['Digest'] : []
  const sizes = flags.size ? ['SharedSize', 'UniqueSize'] : []
  const shown = ['Name', 'Tag', ...digests, 'CID', 'ConfigDigest', 'CreatedSince', 'Size', ...sizes]
  const rows = rowFormat(flags.format, { heads: HEADS, shown })
  return { ...rows, wants: (field) => flags.size || rows.wants(field) }
}

interface Shown {
  readonly image: CatalogueImage
  readonly repository: string
  readonly tag: string
  readonly unique: number | undefined
}

function rowOf({ image, repository, tag, unique }: Shown, noTrunc: boolean): Row {
  const { root, record, size } = image
  const known = unique !== undefined && size !== undefined
  return {
    Name: repository,
    Repository: repository,
    Tag: tag,
    CID: root.toString(),
    Digest: record?.manifestDigest ?? '<none>',
    ConfigDigest: record === undefined ? '?' : noTrunc ? record.configDigest : shortDigest(record.configDigest),
    CreatedSince: formatSince(record?.created),
    CreatedAt: record?.created || '?',
    SavedSince: formatSince(record?.savedAt),
    SavedAt: record?.savedAt ?? '?',
    Size: size === undefined ? '?' : formatBytes(size),
    ...(known ? { SharedSize: formatBytes(size - unique), UniqueSize: formatBytes(unique) } : {}),
    ...(size === undefined ? {} : { Bytes: size }),
    ...(known ? { SharedBytes: size - unique, UniqueBytes: unique } : {}),
  }
}
