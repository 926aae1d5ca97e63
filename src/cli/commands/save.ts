import type { Plan } from '../../save/targets/counting.ts'
import { formatBytes } from '../../units.ts'
import { type CommandContext, defineCommand } from '../command.ts'
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
    const { platform } = flags
    if (flags.output !== undefined) return saveToCar(flags.output, words[0] ?? '', flags, context)
    if (flags['dry-run']) return dryRun(context, parsed)
    const [{ save }, { nodeTarget }, { inputs, ports }] = await Promise.all([
      import('../../save/save.ts'),
      import('../../save/targets/node.ts'),
      open(context, parsed),
    ])
    const target = nodeTarget({ ...ports, noCache: flags['no-cache'], platform })
    for (const input of inputs) {
      for (const { root } of await save(input, target, { platform })) await context.output.line(root)
    }
  },
})

async function dryRun(context: CommandContext, parsed: SaveArguments): Promise<void> {
  const { platform } = parsed.flags
  const [{ save }, { countingTarget }, { inputs, ports }] = await Promise.all([
    import('../../save/save.ts'),
    import('../../save/targets/counting.ts'),
    open(context, parsed),
  ])
  for (const input of inputs) {
    await context.output.line(planText(await save(input, countingTarget(ports), { platform })))
  }
}

/** What is to be saved, one after the other, and the ports that it takes. */
async function open(context: CommandContext, { flags, words }: SaveArguments) {
  if (flags.input !== undefined) {
    const archive = await context.openImages(flags.input)
    const [{ archiveInput }, ports] = await Promise.all([
      import('../../save/inputs/archive.ts'),
      context.connect(flags),
    ])
    return { ports, inputs: [archiveInput(archive)] }
  }
  // A dry run asks the engine when it needs the answer.
  const [{ engineInput }, { found, ...ports }] = await Promise.all([
    import('../../save/inputs/engine.ts'),
    context.connect(flags, flags['dry-run'] ? undefined : words[0]),
  ])
  const inputs = words.map((image, at) => engineInput(image, { ...ports, found: at === 0 ? found : undefined }))
  return { ports, inputs }
}

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

function planText({ root, newBytes, newBlocks, sharedBytes, sharedBlocks }: Plan): string {
  const part = (bytes: number, blocks: number) =>
    `${formatBytes(bytes)} in ${blocks} ${blocks === 1 ? 'block' : 'blocks'}`
  return `${root}: ${part(newBytes, newBlocks)} new, ${part(sharedBytes, sharedBlocks)} shared`
}
