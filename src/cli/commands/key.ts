import { rowFormat } from '../../output/rows.ts'
import { defineCommand } from '../command.ts'
import { forEachOf } from '../exit.ts'
import { api, format } from '../options.ts'

const ROWS = { heads: { Key: 'KEY', IpnsName: 'IPNS NAME' }, shown: ['Key', 'IpnsName'] }

export const keyGen = defineCommand({
  name: 'key gen',
  usage: 'docker ipfs key gen [OPTIONS] NAME',
  summary: 'Make a key, and print the IPNS name that is its own',
  arity: [1, 1],
  options: [api],
  async run(context, { flags, words: [name = ''] }) {
    const { naming, signal } = await context.connect({ ...flags, quiet: false, progress: 'auto' })
    const { id } = await naming.makeKey(name, signal)
    await context.output.line(id)
  },
})

export const keyLs = defineCommand({
  name: 'key ls',
  usage: 'docker ipfs key ls [OPTIONS]',
  summary: 'List the keys of the node, and their IPNS names',
  arity: [0, 0],
  options: [api, format, { name: 'quiet', short: 'q', type: 'boolean', description: 'Only show IPNS names' }],
  async run(context, { flags }) {
    const { lines } = rowFormat(flags.format, ROWS)
    const { naming, signal } = await context.connect({ ...flags, quiet: false, progress: 'auto' })
    const keys = await naming.keys(signal)
    const shown = lines(keys.map(({ name, id }) => ({ Key: name, IpnsName: id })))
    for (const line of flags.quiet ? keys.map(({ id }) => id) : shown) await context.output.line(line)
  },
})

export const keyRename = defineCommand({
  name: 'key rename',
  usage: 'docker ipfs key rename [OPTIONS] NAME NEW_NAME',
  summary: 'Give a key another name; its IPNS name stays',
  arity: [2, 2],
  options: [api],
  async run(context, { flags, words: [name = '', to = ''] }) {
    const { naming, signal } = await context.connect({ ...flags, quiet: false, progress: 'auto' })
    const { id } = await naming.renameKey(name, to, signal)
    await context.output.line(id)
  },
})

export const keyRm = defineCommand({
  name: 'key rm',
  usage: 'docker ipfs key rm [OPTIONS] NAME [NAME...]',
  summary: 'Remove keys for good: nothing is published under their IPNS names any more',
  arity: [1, Number.POSITIVE_INFINITY],
  options: [api],
  async run(context, { flags, words }) {
    const { naming, signal } = await context.connect({ ...flags, quiet: false, progress: 'auto' })
    await forEachOf(words, async (word) => {
      const { id } = await naming.removeKey(word, signal)
      await context.output.line(`Deleted: ${id}`)
    })
  },
})
