import { defineCommand } from '../command.ts'
import { api, platform, progress, quiet, timeout } from '../options.ts'
import type { Parsed } from '../parse.ts'
import { badFlag, type UsageOf } from '../usage.ts'

const OF: UsageOf = { usage: 'docker ipfs pull [OPTIONS] REFERENCE', path: 'docker ipfs pull' }

const OPTIONS = [
  { name: 'all-tags', short: 'a', type: 'boolean', description: 'Pull all tags of the repository' },
  { name: 'allow-older', type: 'boolean', description: 'Also when the name has gone back since the last pull' },
  api,
  { name: 'no-pin', type: 'boolean', description: 'Do not keep the image on the node: no pin, no name there' },
  { name: 'no-tag', type: 'boolean', description: 'Give the image no name' },
  platform,
  progress,
  quiet('Print nothing but the name'),
  { name: 'tag', type: 'string', description: 'Name the image so, and not as it is named there (name[:tag])' },
  timeout,
] as const

export const pull = defineCommand({
  name: 'pull',
  usage: OF.usage,
  summary: 'Find what a name or CID stands for, and load it under its name',
  arity: [1, 1],
  takes: ['reference'],
  options: OPTIONS,
  startsNode: () => true,
  async run(context, { flags, words: [reference = ''] }: Parsed<typeof OPTIONS>) {
    if (flags.tag !== undefined && flags['no-tag']) throw badFlag('--tag and --no-tag exclude each other', OF)
    if (flags.tag !== undefined && flags['all-tags']) throw badFlag('--tag and --all-tags exclude each other', OF)
    const [{ pull }, { familiarName }, parts] = await Promise.all([
      import('../../load/pull.ts'),
      import('../../names/show.ts'),
      context.connect(flags),
    ])
    const options = {
      ...parts,
      ...(flags.tag === undefined ? {} : { tag: flags.tag }),
      platform: flags.platform,
      timeoutMs: flags.timeout,
      noPin: flags['no-pin'],
      noTag: flags['no-tag'],
      allTags: flags['all-tags'],
      allowOlder: flags['allow-older'],
    }
    for await (const { root, imageId, configDigest, names, isNew } of pull(reference, options)) {
      if (!flags.quiet) {
        const what = names.length === 0 ? root : names.map(familiarName).join(', ')
        await context.output.line(`Digest: ${configDigest}`)
        await context.output.line(`CID: ${root}`)
        // docker's own words.
        await context.output.line(`Status: ${isNew ? 'Downloaded newer image for' : 'Image is up to date for'} ${what}`)
      }
      for (const line of names.length === 0 ? [imageId] : names) await context.output.line(line)
    }
  },
})
