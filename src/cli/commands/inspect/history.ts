import type { BuildStep } from '../../../inspect/history.ts'
import { words } from '../../../output/ascii.ts'
import { type Row, rowFormat } from '../../../output/rows.ts'
import { formatBytes, formatSince } from '../../../units.ts'
import { defineCommand } from '../../command.ts'
import { api, format, platform, quiet, timeout } from '../../options.ts'

const ROWS = {
  heads: {
    CID: 'LAYER',
    DiffID: 'DIFF ID',
    CreatedSince: 'CREATED',
    CreatedAt: 'CREATED AT',
    CreatedBy: 'CREATED BY',
    Size: 'SIZE',
    StoredSize: 'STORED',
    Comment: 'COMMENT',
    Bytes: 'BYTES',
    StoredBytes: 'STORED BYTES',
  },
  shown: ['CID', 'CreatedSince', 'CreatedBy', 'Size', 'StoredSize', 'Comment'],
}

/** As docker cuts what built a layer. */
const MAX_CREATED_BY = 45

export const history = defineCommand({
  name: 'history',
  usage: 'docker ipfs history [OPTIONS] REFERENCE',
  summary: 'Show how an image was built, and its layers',
  arity: [1, 1],
  takes: ['reference'],
  options: [
    api,
    format,
    { name: 'no-trunc', type: 'boolean', description: "Don't truncate output" },
    platform,
    quiet('Only show CIDs of layers'),
    timeout,
  ],
  async run(context, { flags, words: [reference = ''] }) {
    const rows = rowFormat(flags.format, ROWS)
    const [{ history }, ports] = await Promise.all([
      import('../../../inspect/history.ts'),
      context.connect({ ...flags, quiet: false, progress: 'auto' }),
    ])
    const steps = await history(reference, { ...ports, platform: flags.platform, timeoutMs: flags.timeout })
    const lines = flags.quiet
      ? steps.flatMap(({ cid }) => cid?.toString() ?? [])
      : rows.lines(steps.map((step) => rowOf(step, flags['no-trunc'], words('…', context.output.isAscii))))
    for (const line of lines) await context.output.line(line)
  },
})

function rowOf(
  { created, createdBy, comment, tarSize, size, diffId, cid }: BuildStep,
  noTrunc: boolean,
  more: string,
): Row {
  // Line ends and tabs would break the table; docker shows them as one space too.
  const by = createdBy.replace(/\s+/g, ' ')
  return {
    CID: cid?.toString() ?? '<none>',
    DiffID: diffId ?? '',
    CreatedSince: formatSince(created),
    CreatedAt: created || 'N/A',
    CreatedBy: noTrunc || by.length <= MAX_CREATED_BY ? by : `${by.slice(0, MAX_CREATED_BY - more.length)}${more}`,
    Size: formatBytes(tarSize),
    StoredSize: formatBytes(size),
    Comment: comment.replace(/\s+/g, ' '),
    Bytes: tarSize,
    StoredBytes: size,
  }
}
