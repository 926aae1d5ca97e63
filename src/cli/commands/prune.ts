import { DockerIpfsError } from '../../errors.ts'
import { formatBytes, parseDuration } from '../../units.ts'
import { type CommandContext, defineCommand } from '../command.ts'
import { api } from '../options.ts'
import { badFlag, type UsageOf } from '../usage.ts'

const OF: UsageOf = { usage: 'docker ipfs prune [OPTIONS]', path: 'docker ipfs prune' }

const OPTIONS = [
  api,
  { name: 'dry-run', type: 'boolean', description: 'Say what would go, and change nothing' },
  { name: 'force', short: 'f', type: 'boolean', description: 'Do not prompt for confirmation' },
  {
    name: 'keep-last',
    type: 'string',
    description: 'Remove names too: all of a repository but so many, saved last',
  },
  {
    name: 'until',
    type: 'string',
    description: 'Remove names too: those of images that were saved before (e.g. 240h, 2026-01-31)',
  },
] as const

export const prune = defineCommand({
  name: 'prune',
  usage: OF.usage,
  summary: 'Remove what nothing names: old blocks, and what was left behind',
  arity: [0, 0],
  options: OPTIONS,
  async run(context, { flags }) {
    const age = { keepLast: countOf(flags['keep-last']), until: timeOf(flags.until) }
    const [{ planPrune, prune }, { familiarName }, ports] = await Promise.all([
      import('../../prune/prune.ts'),
      import('../../names/show.ts'),
      context.connect({ ...flags, quiet: false, progress: 'auto' }),
    ])
    const options = { ...ports, ...age, folder: process.cwd() }
    const plan = await planPrune(options)
    const names = plan.names.map(familiarName)
    if (flags['dry-run']) {
      const files = plan.files.map(({ path }) => path)
      const manifests = plan.pushed.manifests.map(({ digest }) => digest)
      for (const line of planLines({ ...plan, names, files: [...files, ...manifests] })) await context.output.line(line)
      return
    }
    if (!flags.force) await confirm(names, context)
    for await (const gone of prune(plan, options)) {
      if (gone.type === 'untagged') await context.output.line(`Untagged: ${familiarName(gone.name)}`)
      else if (gone.type === 'deleted') await context.output.line(`Deleted: ${gone.what}`)
      // docker's words for `docker image prune`.
      else
        await context.output.line(`Total reclaimed space: ${gone.bytes === undefined ? '?' : formatBytes(gone.bytes)}`)
    }
  },
})

interface Shown {
  readonly names: readonly string[]
  readonly images: readonly string[]
  readonly copies: readonly string[]
  readonly files: readonly string[]
}

function planLines({ names, images, copies, files }: Shown): string[] {
  return [
    ...names.map((name) => `Would untag: ${name}`),
    ...[...images, ...copies, ...files].map((what) => `Would delete: ${what}`),
    'Would collect the garbage of the node: all blocks that neither a name nor a pin keeps',
  ]
}

/** @throws CANCELLED when the answer is not yes */
async function confirm(names: readonly string[], { ask }: CommandContext): Promise<void> {
  const old = names.length === 0 ? '' : `  - these names: ${names.join(', ')}\n`
  const question = `WARNING! This will remove:\n${old}  - all blocks of the node that neither a name nor a pin keeps\n  - what killed loads and saves left on the engine and in this folder\n  - images of the engine that have no name and no container, and that the node has, too\n\nAre you sure you want to continue? [y/N] `
  if (/^y(?:es)?$/i.test((await ask(question)).trim())) return
  throw new DockerIpfsError('USAGE', 'nothing is removed', { hint: 'Answer y, or use --force.' })
}

function countOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw badFlag(`invalid argument "${text}" for "--keep-last" flag: must be a number`, OF)
}

/** As docker's `until` filter: a duration back from now, or a date. */
function timeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const back = parseDuration(text)
  if (back !== undefined) return Date.now() - back
  const time = /^\d{4}-\d\d-\d\d(?:T|$)/.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(time)) return time
  throw badFlag(
    `invalid argument "${text}" for "--until" flag: must be a duration such as 240h, or a date such as 2026-01-31`,
    OF,
  )
}
