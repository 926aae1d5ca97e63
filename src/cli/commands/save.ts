import { formatBytes } from '../../output/format.ts'
import type { Plan } from '../../transfer/plan.ts'
import { defineCommand } from '../command.ts'
import { api, noCache, progress, quiet } from '../options.ts'

export const save = defineCommand({
  name: 'save',
  usage: 'docker ipfs save [OPTIONS] IMAGE [IMAGE...]',
  summary: 'Save one or more images to the IPFS node and print their CIDs',
  arity: [1, Number.POSITIVE_INFINITY],
  options: [
    api,
    { name: 'dry-run', type: 'boolean', description: 'Print what a save would add to the node, and write nothing' },
    noCache,
    progress,
    quiet('Print nothing but the CID'),
  ],
  async run(context, { flags, words }) {
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

function planText({ root, newBytes, newBlocks, sharedBytes, sharedBlocks }: Plan): string {
  const part = (bytes: number, blocks: number) =>
    `${formatBytes(bytes)} in ${blocks} ${blocks === 1 ? 'block' : 'blocks'}`
  return `${root}: ${part(newBytes, newBlocks)} new, ${part(sharedBytes, sharedBlocks)} shared`
}
