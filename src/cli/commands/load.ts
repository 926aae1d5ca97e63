import { defineCommand } from '../command.ts'
import { api, progress, quiet } from '../options.ts'

export const load = defineCommand({
  name: 'load',
  usage: 'docker ipfs load [OPTIONS] REFERENCE',
  summary: 'Load an image from IPFS into the engine',
  arity: [1, 1],
  options: [
    api,
    { name: 'no-pin', type: 'boolean', description: 'Do not keep the image on the node: no pin, no name there' },
    progress,
    quiet('Suppress the load output'),
    { name: 'tag', type: 'string', description: 'Name the image (name[:tag])' },
    {
      name: 'timeout',
      type: 'duration',
      description: 'Give up when no data has come for this long (e.g. 90s, 5m)',
      default: '1m',
    },
  ],
  async run(context, { flags, words: [reference = ''] }) {
    const [{ load }, parts] = await Promise.all([import('../../transfer/load.ts'), context.connect(flags)])
    const tag = flags.tag === undefined ? {} : { tag: flags.tag }
    const loaded = await load(reference, { ...parts, ...tag, noPin: flags['no-pin'], timeoutMs: flags.timeout })
    // docker's own words for `docker load`.
    const line = loaded.tag === undefined ? `Loaded image ID: ${loaded.imageId}` : `Loaded image: ${loaded.tag}`
    await context.output.line(line)
  },
})
