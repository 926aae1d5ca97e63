import { rowFormat } from '../../output/rows.ts'
import { defineCommand } from '../command.ts'
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
