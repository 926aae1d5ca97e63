import { DockerIpfsError } from '../../../errors.ts'
import { formatBytes } from '../../../units.ts'
import { defineCommand } from '../../command.ts'
import { api, platform, progress, quiet, timeout } from '../../options.ts'

export const verify = defineCommand({
  name: 'verify',
  usage: 'docker ipfs verify [OPTIONS] REFERENCE',
  summary: 'Check every byte of an image without loading it',
  arity: [1, 1],
  takes: ['reference'],
  options: [api, platform, progress, quiet('Print nothing but faults'), timeout],
  async run(context, { flags, words: [reference = ''] }) {
    const [{ verify }, ports] = await Promise.all([import('../../../inspect/verify.ts'), context.connect(flags)])
    const options = { ...ports, platform: flags.platform, timeoutMs: flags.timeout }
    const { root, platforms, layers, bytes, faults } = await verify(reference, options)
    for (const fault of faults) await context.output.line(fault)
    if (faults.length > 0) {
      const count = `${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}`
      throw new DockerIpfsError('INTEGRITY', `${root} has ${count}`, {
        hint: 'Save it again where the image is whole, or load it from another node.',
      })
    }
    if (flags.quiet) return
    const several = platforms > 1 ? `${platforms} platforms, ` : ''
    const count = `${layers} ${layers === 1 ? 'layer' : 'layers'}`
    await context.output.line(`${root}: ${several}${count} of ${formatBytes(bytes)}, all right`)
  },
})
