import type { Plan } from '../../save/plan.ts'
import { formatBytes } from '../../units.ts'
import type { CommandContext } from '../command.ts'
import { defineCommand } from '../command.ts'
import { api, noCache, platform, progress, quiet, timeout } from '../options.ts'
import type { Parsed } from '../parse.ts'
import { badFlag, type UsageOf, wrongArity } from '../usage.ts'
import { saveToCar } from './save-to-car.ts'

const OF: UsageOf = { usage: 'docker ipfs save [OPTIONS] IMAGE [IMAGE...]', path: 'docker ipfs save' }

const OPTIONS = [
  api,
  { name: 'dry-run', type: 'boolean', description: 'Print what a save would add to the node, and write nothing' },
  {
    name: 'input',
    short: 'i',
    type: 'string',
    description: 'Save the images of an archive or OCI layout, instead of the engine\'s ("-" is STDIN)',
    isPath: true,
  },
  noCache,
  {
    name: 'output',
    short: 'o',
    type: 'string',
    description: 'Write a CAR file, instead of to the node ("-" is STDOUT)',
    isPath: true,
  },
  platform,
  progress,
  quiet('Print nothing but the CID'),
  {
    name: 'since',
    type: 'string',
    takes: 'cid',
    description: 'With --output: leave out what the image with this CID has',
  },
  { ...timeout, description: 'With --since: give up when no data has come for this long (e.g. 90s, 5m)' },
] as const

type SaveArguments = Parsed<typeof OPTIONS>

export const save = defineCommand({
  name: 'save',
  usage: OF.usage,
  summary: 'Save one or more images to the IPFS node and print their CIDs',
  arity: [0, Number.POSITIVE_INFINITY],
  takes: ['image'],
  options: OPTIONS,
  startsNode: (flags) => !flags['dry-run'] && flags.output === undefined,
  async run(context, parsed) {
    const { flags, words } = parsed
    checkFlags(parsed)
    if (flags.output !== undefined) return saveToCar(flags.output, words[0] ?? '', flags, context)
    if (flags.input !== undefined) return saveInput(flags.input, context, parsed)
    const options = { noCache: flags['no-cache'], platform: flags.platform }
    if (flags['dry-run']) {
      const [{ plan }, parts] = await Promise.all([import('../../save/plan.ts'), context.connect(flags)])
      for (const image of words) await context.output.line(planText(await plan(image, { ...parts, ...options })))
      return
    }
    const [{ save }, { found, ...parts }] = await Promise.all([
      import('../../save/save.ts'),
      context.connect(flags, words[0]),
    ])
    for (const [at, image] of words.entries()) {
      const { root } = await save(image, { ...parts, ...options, found: at === 0 ? found : undefined })
      await context.output.line(root)
    }
  },
})

function checkFlags({ flags, words }: SaveArguments): void {
  if (flags.input !== undefined && words.length > 0) throw wrongArity(0, 0, { ...OF, path: `${OF.path} --input` })
  if (flags.input === undefined && words.length === 0) throw wrongArity(1, Number.POSITIVE_INFINITY, OF)
  if (flags.output === undefined) {
    if (flags.since !== undefined) throw badFlag('--since needs --output', OF)
    return
  }
  if (words.length > 1) throw wrongArity(1, 1, { ...OF, path: `${OF.path} --output` })
  if (flags['dry-run']) throw badFlag('--dry-run and --output exclude each other', OF)
}

async function saveInput(path: string, context: CommandContext, { flags }: SaveArguments): Promise<void> {
  const archive = await context.openImages(path)
  const parts = { ...(await context.connect(flags)), noCache: flags['no-cache'], platform: flags.platform }
  if (flags['dry-run']) {
    const { planArchive } = await import('../../save/plan.ts')
    return context.output.line(planText(await planArchive(archive, parts)))
  }
  const { saveArchive } = await import('../../save/save-archive.ts')
  for (const { root } of await saveArchive(archive, parts)) await context.output.line(root)
}

function planText({ root, newBytes, newBlocks, sharedBytes, sharedBlocks }: Plan): string {
  const part = (bytes: number, blocks: number) =>
    `${formatBytes(bytes)} in ${blocks} ${blocks === 1 ? 'block' : 'blocks'}`
  return `${root}: ${part(newBytes, newBlocks)} new, ${part(sharedBytes, sharedBlocks)} shared`
}
