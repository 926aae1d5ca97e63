import type { LoadResult } from '../../load/load.ts'
import { type CommandContext, defineCommand } from '../command.ts'
import { api, gateway, platform, progress, quiet, timeout } from '../options.ts'
import type { Parsed } from '../parse.ts'
import { type UsageOf, wrongArity } from '../usage.ts'

const OF: UsageOf = { usage: 'docker ipfs load [OPTIONS] REFERENCE', path: 'docker ipfs load' }

const OPTIONS = [
  api,
  gateway,
  {
    name: 'input',
    short: 'i',
    type: 'list',
    description: 'Read blocks from this CAR file ("-" is STDIN); REFERENCE may then be left out',
    isPath: true,
  },
  { name: 'no-pin', type: 'boolean', description: 'Do not keep the image on the node: no pin, no name there' },
  platform,
  progress,
  quiet('Suppress the load output'),
  { name: 'tag', type: 'string', description: 'Name the image (name[:tag])' },
  timeout,
] as const

export const load = defineCommand({
  name: 'load',
  usage: OF.usage,
  summary: 'Load an image from IPFS into the engine',
  arity: [0, 1],
  takes: ['reference'],
  options: OPTIONS,
  startsNode: (flags) => flags.input.length === 0,
  async run(context, parsed) {
    const loaded = await run(context, parsed)
    // docker's own words for `docker load`.
    const line = loaded.tag === undefined ? `Loaded image ID: ${loaded.imageId}` : `Loaded image: ${loaded.tag}`
    await context.output.line(line)
  },
})

async function run(
  context: CommandContext,
  { flags, words: [reference] }: Parsed<typeof OPTIONS>,
): Promise<LoadResult> {
  if (reference === undefined && flags.input.length === 0) throw wrongArity(1, 1, OF)
  const tag = flags.tag === undefined ? {} : { tag: flags.tag }
  const options = { ...tag, platform: flags.platform, timeoutMs: flags.timeout }
  if (flags.input.length === 0) {
    const [{ findSource }, { load }, parts] = await Promise.all([
      import('../../load/sources/find.ts'),
      import('../../load/load.ts'),
      context.connect(flags),
    ])
    const all = { ...parts, ...options, noPin: flags['no-pin'] }
    return load(await findSource(reference ?? '', all), all)
  }
  const piped = context.pipe(flags.input.filter((path) => path === '-').length)
  const [{ openCarSource }, { load }, parts] = await Promise.all([
    import('../../load/sources/cars.ts'),
    import('../../load/load.ts'),
    context.connect(flags),
  ])
  const all = { ...parts, ...options, piped }
  const source = await openCarSource(flags.input, reference, all)
  try {
    return await load(source, all)
  } finally {
    await source.close()
  }
}
