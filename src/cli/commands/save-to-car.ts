import { DockerIpfsError } from '../../errors.ts'
import { OutputError } from '../../output/output.ts'
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
  const send = async (bytes: AsyncIterable<Uint8Array>) => {
    // Half a CAR file is none: whoever reads it must not take it for whole.
    if (!(await context.output.bytes(bytes))) throw new OutputError(new Error('its reader went away'))
  }
  const archive = flags.input === undefined ? undefined : await context.openImages(flags.input)
  const [{ save }, { carTarget }, { archiveInput }, { engineInput }, ports] = await Promise.all([
    import('../../save/save.ts'),
    import('../../save/targets/car.ts'),
    import('../../save/inputs/archive.ts'),
    import('../../save/inputs/engine.ts'),
    context.connect(flags),
  ])
  const input = archive === undefined ? engineInput(image, ports) : archiveInput(archive)
  const place = piped ? { send } : { path: output }
  const target = carTarget({ ...ports, ...place, since: flags.since, timeoutMs: flags.timeout })
  const saved = await save(input, target, { platform: flags.platform })
  const left = saved.skipped === 0 ? '' : `, ${saved.skipped} left out`
  ports.report({
    type: 'step',
    text: `${saved.root}: ${formatBytes(saved.bytes)} in ${saved.blocks} ${saved.blocks === 1 ? 'block' : 'blocks'}${left}`,
  })
  if (!piped) await context.output.line(saved.root)
}
