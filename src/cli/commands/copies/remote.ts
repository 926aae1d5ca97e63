import { rowFormat } from '../../../output/rows.ts'
import { defineCommand } from '../../command.ts'
import { forEachOf } from '../../exit.ts'
import { format } from '../../options.ts'
import { badFlag } from '../../usage.ts'

const OF = { usage: 'docker ipfs remote add [OPTIONS] NAME URL', path: 'docker ipfs remote add' }

export const remoteAdd = defineCommand({
  name: 'remote add',
  usage: OF.usage,
  summary: 'Name another node, a cluster or a pinning service that keeps images too',
  arity: [2, 2],
  options: [
    {
      name: 'auth-file',
      type: 'string',
      description: 'File with the secret for it: bearer:TOKEN or basic:USER:PASSWORD',
      isPath: true,
    },
    { name: 'ca', type: 'string', description: 'File (PEM) with the certificates to trust there', isPath: true },
    { name: 'force', short: 'f', type: 'boolean', description: 'Put it in the place of one with this name' },
    {
      name: 'kind',
      type: 'string',
      description: 'What it is: kubo, cluster or service (default: what answers there)',
      choices: ['kubo', 'cluster', 'service'],
    },
    {
      name: 'replication',
      type: 'string',
      description: 'Of a cluster: how many peers are to have each image (default: as the cluster is set)',
    },
    { name: 'untrusted', type: 'boolean', description: 'Its copies count for nothing' },
  ],
  async run(context, { flags, words: [name = '', url = ''] }) {
    const [{ addRemote }, { isReplication }, parts] = await Promise.all([
      import('../../../copies/remotes/add.ts'),
      import('../../../copies/remotes/remotes.ts'),
      context.remotes(),
    ])
    const { force, kind, ca } = flags
    const replication = flags.replication === undefined ? undefined : Number(flags.replication)
    if (replication !== undefined && !isReplication(replication)) {
      throw badFlag(`--replication is a number of peers, not "${flags.replication}"`, OF)
    }
    const more = { replication, force, kind, ca, authFile: flags['auth-file'], isUntrusted: flags.untrusted }
    const remote = await addRemote(name, url, { ...parts, ...more })
    await context.output.line(remote.name)
  },
})

const HEADS = { Name: 'NAME', Kind: 'KIND', URL: 'URL', Trusted: 'TRUSTED', Answer: 'ANSWER' }

export const remoteLs = defineCommand({
  name: 'remote ls',
  usage: 'docker ipfs remote ls [OPTIONS]',
  summary: 'List the other places where images are kept',
  arity: [0, 0],
  options: [
    { name: 'check', type: 'boolean', description: 'Ask each whether it is there, and lets us in' },
    format,
    { name: 'quiet', short: 'q', type: 'boolean', description: 'Only show names' },
  ],
  async run(context, { flags }) {
    const shown = ['Name', 'Kind', 'URL', ...(flags.check ? ['Answer'] : [])]
    const { lines } = rowFormat(flags.format, { heads: HEADS, shown })
    const [{ checkRemotes }, { remotes, signal }] = await Promise.all([
      import('../../../copies/remotes/check.ts'),
      context.remotes(),
    ])
    const all = await remotes.all()
    const checked = flags.check ? await checkRemotes(all, remotes, signal) : []
    const rows = all.map(({ name, kind, url, isUntrusted = false }, at) => {
      const answer = flags.check ? { Answer: checked[at]?.is ?? checked[at]?.fault } : {}
      return { Name: name, Kind: kind, URL: url, Trusted: !isUntrusted, ...answer }
    })
    for (const line of flags.quiet ? all.map(({ name }) => name) : lines(rows)) await context.output.line(line)
  },
})

export const remoteRm = defineCommand({
  name: 'remote rm',
  usage: 'docker ipfs remote rm NAME [NAME...]',
  summary: 'Forget places; what they keep stays there',
  arity: [1, Number.POSITIVE_INFINITY],
  takes: ['remote'],
  options: [],
  async run(context, { words }) {
    const { remotes } = await context.remotes()
    await forEachOf(words, async (word) => {
      await remotes.remove(word)
      await context.output.line(`Removed: ${word}`)
    })
  },
})
