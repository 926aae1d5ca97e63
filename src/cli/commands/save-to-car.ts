import { DockerIpfsError } from '../../errors.ts'
import { formatBytes } from '../../units.ts'
import type { CommandContext } from '../command.ts'
import type { ConnectionOptions, FlagsOf } from '../options.ts'

type Flags = FlagsOf<ConnectionOptions> & {
  readonly input: string | undefined
  readonly platform: string | undefined
  readonly since: string | undefined
  readonly timeout: number
}

/** `save -o FILE`: the CID goes to stdout, unless the file does. */
export async function saveToCar(output: string, image: string, flags: Flags, context: CommandContext): Promise<void> {
  const piped = output === '-'
  // docker's words.
  if (piped && context.output.isTerminal) {
    throw new DockerIpfsError('USAGE', 'cowardly refusing to save to a terminal. Use the -o flag or redirect')
  }
  const archive = flags.input === undefined ? undefined : await context.openImages(flags.input)
  const [{ engineInput, saveCar }, parts] = await Promise.all([
    import('../../save/save-car.ts'),
    context.connect(flags),
  ])
  const saved = await saveCar(archive ?? (await engineInput(image, parts.engine, parts.signal)), {
    ...parts,
    ...(piped ? { send: context.output.bytes } : { path: output }),
    since: flags.since,
    platform: flags.platform,
    timeoutMs: flags.timeout,
  })
  const left = saved.skipped === 0 ? '' : `, ${saved.skipped} left out`
  parts.report({
    type: 'step',
    text: `${saved.root}: ${formatBytes(saved.bytes)} in ${saved.blocks} ${saved.blocks === 1 ? 'block' : 'blocks'}${left}`,
  })
  if (!piped) await context.output.line(saved.root)
}
