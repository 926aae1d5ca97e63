import type { ProgressEvent } from '../../events.ts'
import { familiarName } from '../../names/show.ts'
import type { PublishResult } from '../../publish/publish.ts'
import { type CommandPorts, defineCommand } from '../command.ts'
import { api, key, progress, quiet } from '../options.ts'
import { PUBLICATION, placesOf, to } from './copies/places.ts'

export const publish = defineCommand({
  name: 'publish',
  usage: 'docker ipfs publish [OPTIONS] [NAME...]',
  summary: 'Publish the images of the node, or more of them, under an IPNS name',
  arity: [0, Number.POSITIVE_INFINITY],
  takes: ['name'],
  options: [
    api,
    key,
    progress,
    quiet('Print nothing but the IPNS name'),
    {
      name: 'timeout',
      type: 'duration',
      description: 'Time limit for telling the network, and for a place where nothing moves',
      default: '2m',
    },
    to,
  ],
  async run(context, { flags, words }) {
    const places = await placesOf(flags.to, context)
    const [{ publish }, ports] = await Promise.all([import('../../publish/publish.ts'), context.connect(flags)])
    const published = await publish(words, { ...ports, key: flags.key, announceTimeoutMs: flags.timeout })
    tellPublished(published, ports)
    await context.output.line(`ipns://${published.id}`)
    if (places.length === 0) return
    // A publication leads to all of its images.
    const { sendTo } = await import('../../copies/send.ts')
    const options = { ...ports, stillMs: flags.timeout, wait: true }
    const error = await sendTo(published.root.toString(), PUBLICATION, places, options)
    if (error !== undefined) throw error
  },
})

/** What people want to know of a publication: on stderr. */
export function tellPublished(
  { id, root, catalogue, notAnnounced, peers }: PublishResult,
  { report }: Pick<CommandPorts, 'report'>,
): void {
  const { images, sequence } = catalogue
  const count = `${images.length} ${images.length === 1 ? 'image' : 'images'}`
  report({ type: 'step', text: `Publication ${sequence}: ${root}, ${count}` })
  report(announcement({ notAnnounced, peers }))
  const [first] = images
  if (first === undefined) return
  report({
    type: 'step',
    text: `To pull from it: docker ipfs pull ipns://${id}/${familiarName(`${first.name}:${first.tag}`)}`,
  })
}

/** What came of an announcement. A node that may not be asked for its peers does not tell how many it has. */
export function announcement({ notAnnounced, peers }: Pick<PublishResult, 'notAnnounced' | 'peers'>): ProgressEvent {
  const connected = peers === undefined ? '' : `; the node is connected to ${peers} ${peers === 1 ? 'peer' : 'peers'}`
  if (notAnnounced === undefined) return { type: 'step', text: `Announced${connected}` }
  return { type: 'warning', text: `not announced: ${notAnnounced}${connected}` }
}
