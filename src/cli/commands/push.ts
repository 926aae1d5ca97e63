import { type DockerIpfsError, messageOf } from '../../errors.ts'
import type { Place } from '../../store/places.ts'
import { type CommandContext, type CommandPorts, defineCommand } from '../command.ts'
import { api, key, noCache, platform, progress, quiet } from '../options.ts'
import { badFlag } from '../usage.ts'
import { PUBLICATION, placesOf, to } from './copies/places.ts'
import { announcement, tellPublished } from './publish.ts'

const USAGE = 'docker ipfs push [OPTIONS] IMAGE [IMAGE...]'

export const push = defineCommand({
  name: 'push',
  usage: USAGE,
  summary: 'Save one or more images and announce them to the network',
  arity: [1, Number.POSITIVE_INFINITY],
  takes: ['image'],
  options: [
    api,
    key,
    noCache,
    { name: 'no-wait', type: 'boolean', description: 'With --to: do not wait until clusters and services have it' },
    platform,
    progress,
    { name: 'publish', type: 'boolean', description: 'Publish them too, by name, under an IPNS name' },
    quiet('Print nothing but the CID'),
    {
      name: 'timeout',
      type: 'duration',
      description: 'Time limit for announcing, and for a place where nothing moves',
      default: '30s',
    },
    to,
  ],
  startsNode: () => true,
  async run(context, { flags, words }) {
    if (flags.key !== undefined && !flags.publish) {
      throw badFlag('--key needs --publish', { usage: USAGE, path: 'docker ipfs push' })
    }
    const places = await placesOf(flags.to, context)
    const [{ save }, { engineInput }, { nodeTarget }, { announce, notAnnounced }, { found, ...ports }] =
      await Promise.all([
        import('../../save/save.ts'),
        import('../../save/inputs/engine.ts'),
        import('../../save/targets/node.ts'),
        import('../../save/announce.ts'),
        context.connect(flags, words[0]),
      ])
    const { platform, timeout: announceTimeoutMs } = flags
    if (flags.publish) await (await import('../../publish/check-names.ts')).checkNames(words, ports)
    const missed: string[] = []
    const failed: DockerIpfsError[] = []
    const target = nodeTarget({ ...ports, noCache: flags['no-cache'], platform })
    for (const [at, image] of words.entries()) {
      const input = engineInput(image, { ...ports, found: at === 0 ? found : undefined })
      for (const { root } of await save(input, target, { platform })) {
        const announced = await announce(root, { ...ports, announceTimeoutMs })
        if (announced.notAnnounced !== undefined) missed.push(root)
        ports.report(announcement(announced))
        await context.output.line(root)
        const error = await handOn(root, image, {
          places,
          ports,
          context,
          stillMs: flags.timeout,
          wait: !flags['no-wait'],
        })
        if (error !== undefined) failed.push(error)
        ports.report({ type: 'step', text: `To load it: docker ipfs load ${root}` })
      }
    }
    if (flags.publish) {
      const { publish } = await import('../../publish/publish.ts')
      const published = await publish(words, { ...ports, key: flags.key, announceTimeoutMs })
      tellPublished(published, ports)
      if (places.length > 0) {
        const { sendTo } = await import('../../copies/send.ts')
        const options = { ...ports, stillMs: flags.timeout, wait: !flags['no-wait'] }
        const error = await sendTo(published.root.toString(), PUBLICATION, places, options)
        if (error !== undefined) failed.push(error)
      }
    }
    const [first, ...others] = failed
    for (const error of others) ports.report({ type: 'warning', text: messageOf(error) })
    if (first !== undefined) throw first
    // Who hands it to places need not tell strangers.
    if (missed.length > 0 && places.length === 0) throw notAnnounced(missed)
  },
})

interface HandingOn {
  readonly places: readonly Place[]
  readonly ports: CommandPorts
  readonly context: CommandContext
  readonly stillMs: number
  readonly wait: boolean
}

/** To the places that were named; else, where a rule wants more copies than there are, to as many remotes. Gives what went wrong. */
async function handOn(root: string, image: string, { places, ports, context, stillMs, wait }: HandingOn) {
  if (places.length > 0) {
    const { sendTo } = await import('../../copies/send.ts')
    return sendTo(root, image, places, { ...ports, stillMs, wait })
  }
  const [{ bringUp }, { remotes }] = await Promise.all([import('../../copies/bring-up.ts'), context.remotes()])
  return bringUp(root, image, { ...ports, remotes, reads: 0, stillMs, wait })
}
