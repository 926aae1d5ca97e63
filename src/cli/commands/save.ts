import { formatBytes } from '../../output/format.ts'
import type { Plan } from '../../transfer/plan.ts'
import { type CommandContext, defineCommand } from '../command.ts'
import { api, input, noCache, progress, quiet } from '../options.ts'
import type { Parsed } from '../parse.ts'
import { type UsageOf, wrongArity } from '../usage.ts'

const OF: UsageOf = { usage: 'docker ipfs save [OPTIONS] IMAGE [IMAGE...]', path: 'docker ipfs save' }

const OPTIONS = [
  api,
  { name: 'dry-run', type: 'boolean', description: 'Print what a save would add to the node, and write nothing' },
  input('Save the images of an archive or OCI layout instead of the engine\'s ("-" is STDIN)'),
  noCache,
  progress,
  quiet('Print nothing but the CID'),
] as const

export const save = defineCommand({
  name: 'save',
  usage: OF.usage,
  summary: 'Save one or more images to the IPFS node and print their CIDs',
  arity: [0, Number.POSITIVE_INFINITY],
  options: OPTIONS,
  async run(context, parsed) {
    const { flags, words } = parsed
    if (flags.input !== undefined) return saveInput(flags.input, context, parsed)
    if (words.length === 0) throw wrongArity(1, Number.POSITIVE_INFINITY, OF)
    if (flags['dry-run']) {
      const [{ plan }, parts] = await Promise.all([import('../../transfer/plan.ts'), context.connect(flags)])
      for (const image of words) await context.output.line(planText(await plan(image, parts)))
      return
    }
    const [{ save }, parts] = await Promise.all([import('../../transfer/save.ts'), context.connect(flags)])
    for (const image of words) {
      const { root } = await save(image, { ...parts, noCache: flags['no-cache'] })
      await context.output.line(root)
    }
  },
})

async function saveInput(path: string, context: CommandContext, { flags, words }: Parsed<typeof OPTIONS>) {
  if (words.length > 0) throw wrongArity(0, 0, { ...OF, path: `${OF.path} --input` })
  const archive = await context.openImages(path)
  const parts = { ...(await context.connect(flags)), noCache: flags['no-cache'] }
  if (flags['dry-run']) {
    const { planArchive } = await import('../../transfer/plan.ts')
    return context.output.line(planText(await planArchive(archive, parts)))
  }
  const { saveArchive } = await import('../../transfer/save-archive.ts')
  for (const { root } of await saveArchive(archive, parts)) await context.output.line(root)
}

function planText({ root, newBytes, newBlocks, sharedBytes, sharedBlocks }: Plan): string {
  const part = (bytes: number, blocks: number) =>
    `${formatBytes(bytes)} in ${blocks} ${blocks === 1 ? 'block' : 'blocks'}`
  return `${root}: ${part(newBytes, newBlocks)} new, ${part(sharedBytes, sharedBlocks)} shared`
}
