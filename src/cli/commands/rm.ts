import { hasCode, messageOf } from '../../errors.ts'
import type { RemoveOptions } from '../../names/remove.ts'
import { formatBytes } from '../../units.ts'
import { defineCommand } from '../command.ts'
import { forEachOf } from '../exit.ts'
import { api } from '../options.ts'
import { READS } from './copies/copies.ts'

/** For how long a place may say nothing of a copy that it must have, in milliseconds. */
const LOOK_MS = 60_000

export const rm = defineCommand({
  name: 'rm',
  aliases: ['rmi'],
  usage: 'docker ipfs rm [OPTIONS] NAME [NAME...]',
  summary: 'Remove names from the node, and images with their last name',
  arity: [1, Number.POSITIVE_INFINITY],
  takes: ['reference'],
  options: [
    api,
    {
      name: 'force',
      short: 'f',
      type: 'boolean',
      description: 'Remove all names of a CID, whatever must be kept; what is not there is no error',
    },
  ],
  async run(context, { flags, words }) {
    const [{ remove }, { familiarName }, { mayGo }, remotes, ports] = await Promise.all([
      import('../../names/remove.ts'),
      import('../../names/show.ts'),
      import('../../copies/may-go.ts'),
      context.remotes(),
      context.connect({ ...flags, quiet: false, progress: 'auto' }),
    ])
    const looking = { ...ports, ...remotes, reads: READS, stillMs: LOOK_MS }
    const asks: RemoveOptions['mayGo'] = flags.force ? async () => {} : (root, names) => mayGo(root, names, looking)
    let isDeleted = false
    let bytes: number | undefined = 0
    const removeOne = async (word: string) => {
      const { untagged, deleted, freed } = await remove(word, { ...ports, force: flags.force, mayGo: asks })
      // docker's words for `docker rmi`.
      for (const name of untagged) await context.output.line(`Untagged: ${familiarName(name)}`)
      if (deleted === undefined) return
      await context.output.line(`Deleted: ${deleted}`)
      isDeleted = true
      bytes = bytes === undefined || freed === undefined ? undefined : bytes + freed
    }
    try {
      await forEachOf(words, async (word) => {
        await removeOne(word).catch((error: unknown) => {
          if (!flags.force || !hasCode(error, 'IMAGE_NOT_FOUND')) throw error
          ports.report({ type: 'warning', text: messageOf(error) })
        })
      })
    } finally {
      const freed = bytes === undefined ? 'what only that had' : formatBytes(bytes)
      const text = `The node's next garbage collection frees ${freed}: docker ipfs prune`
      if (isDeleted) ports.report({ type: 'step', text })
    }
  },
})
