import { defineCommand } from '../command.ts'
import { api, key, noCache, platform, progress, quiet } from '../options.ts'
import { badFlag } from '../usage.ts'
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
    platform,
    progress,
    { name: 'publish', type: 'boolean', description: 'Publish them too, by name, under an IPNS name' },
    quiet('Print nothing but the CID'),
    { name: 'timeout', type: 'duration', description: 'Time limit for announcing', default: '30s' },
  ],
  startsNode: () => true,
  async run(context, { flags, words }) {
    if (flags.key !== undefined && !flags.publish) {
      throw badFlag('--key needs --publish', { usage: USAGE, path: 'docker ipfs push' })
    }
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
    const target = nodeTarget({ ...ports, noCache: flags['no-cache'], platform })
    for (const [at, image] of words.entries()) {
      const input = engineInput(image, { ...ports, found: at === 0 ? found : undefined })
      for (const { root } of await save(input, target, { platform })) {
        const announced = await announce(root, { ...ports, announceTimeoutMs })
        if (announced.notAnnounced !== undefined) missed.push(root)
        ports.report(announcement(announced))
        await context.output.line(root)
        ports.report({ type: 'step', text: `To load it: docker ipfs load ${root}` })
      }
    }
    if (flags.publish) {
      const { publish } = await import('../../publish/publish.ts')
      tellPublished(await publish(words, { ...ports, key: flags.key, announceTimeoutMs }), ports)
    }
    if (missed.length > 0) throw notAnnounced(missed)
  },
})
