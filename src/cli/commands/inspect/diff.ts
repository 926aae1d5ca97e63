import type { Difference } from '../../../inspect/diff.ts'
import { words } from '../../../output/ascii.ts'
import { documentFormat } from '../../../output/rows.ts'
import { bar } from '../../../output/table.ts'
import { formatBytes, shortDigest } from '../../../units.ts'
import { defineCommand } from '../../command.ts'
import { api, format, platform, progress, quiet, timeout } from '../../options.ts'

export const diff = defineCommand({
  name: 'diff',
  usage: 'docker ipfs diff [OPTIONS] REFERENCE REFERENCE',
  summary: 'Show what differs between two images, and what a new version adds',
  arity: [2, 2],
  takes: ['reference'],
  options: [
    api,
    { ...format, description: 'Format output: "json", or a Go template' },
    platform,
    progress,
    quiet('Only show files, as docker diff does'),
    timeout,
  ],
  async run(context, { flags, words: [one = '', other = ''] }) {
    const document = flags.format === undefined ? undefined : documentFormat(flags.format)
    const [{ diff }, ports] = await Promise.all([import('../../../inspect/diff.ts'), context.connect(flags)])
    const found = await diff(one, other, { ...ports, platform: flags.platform, timeoutMs: flags.timeout })
    const files = found.files.map((file) => `${file.change} ${file.path}`)
    const shown = picture(found, one, other).map((line) => words(line, context.output.isAscii))
    const lines = document !== undefined ? [document(asJson(found))] : flags.quiet ? files : shown
    for (const line of lines) await context.output.line(line)
  },
})

const MARKS = { '=': 'both', '-': 'gone', '+': 'new' } as const
const BAR = 40

function picture(
  { layers, files, sharedBytes, newBytes, goneBytes }: Difference,
  one: string,
  other: string,
): string[] {
  return [
    'Layers:',
    ...layers.map(({ change, layer }) => {
      return `  ${change} ${shortDigest(layer.diffId)}   ${formatBytes(layer.tarSize)}`
    }),
    '',
    files.length === 0 ? 'Files: all the same, but for times' : 'Files:',
    ...files.map(({ change, path, before, after }) => {
      const sizes = [before, after].filter((size): size is number => size !== undefined && size > 0)
      const shown = [...new Set(sizes)].map(formatBytes).join(' → ')
      return `  ${change} ${path}   ${shown}`.trimEnd()
    }),
    '',
    `Shared  ${bar(sharedBytes, sharedBytes + newBytes, BAR)}  ${formatBytes(sharedBytes)}`,
    `New     ${bar(newBytes, sharedBytes + newBytes, BAR)}  ${formatBytes(newBytes)} that only ${other} has`,
    `Gone    ${bar(goneBytes, sharedBytes + newBytes, BAR)}  ${formatBytes(goneBytes)} that only ${one} has`,
  ]
}

function asJson({ a, b, layers, files, sharedBytes, newBytes, goneBytes }: Difference) {
  return {
    A: a.root.toString(),
    B: b.root.toString(),
    Layers: layers.map(({ change, layer: { diffId, digest, size, tarSize } }) => {
      return { In: MARKS[change], DiffID: diffId, Digest: digest, Size: size, TarSize: tarSize }
    }),
    Files: files.map(({ change, path, before, after }) => {
      return { Change: change, Path: path, Before: before ?? null, After: after ?? null }
    }),
    SharedBytes: sharedBytes,
    NewBytes: newBytes,
    GoneBytes: goneBytes,
  }
}
