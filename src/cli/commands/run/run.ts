import type { Command, CommandContext } from '../../command.ts'
import { EndsWith } from '../../exit.ts'
import { api, gateway, platform, progress, quiet, timeout } from '../../options.ts'
import { type Parsed, parse } from '../../parse.ts'
import { badFlag, type UsageOf, wrongArity } from '../../usage.ts'
import { flagsIn, KNOWN } from './docker-flags.ts'
import { type Split, split } from './split.ts'

const OF: UsageOf = { usage: 'docker ipfs run [OPTIONS] REFERENCE [COMMAND] [ARG...]', path: 'docker ipfs run' }

const OPTIONS = [
  api,
  gateway,
  { name: 'no-pin', type: 'boolean', description: 'Do not keep the image on the node: no pin, no name there' },
  platform,
  progress,
  quiet('Suppress the load output'),
  { name: 'tag', type: 'string', description: 'Name the image (name[:tag])' },
  timeout,
] as const

const DATA = {
  name: 'run',
  usage: OF.usage,
  summary: 'Load an image from IPFS where the engine lacks it, and run it; takes all options of docker run',
  arity: [1, 1],
  takes: ['reference'],
  options: OPTIONS,
} as const

/** Not made by `defineCommand`: most of its flags are docker's, and what stands behind the reference is the container's. */
export const run: Command = {
  ...DATA,
  prepare(argv, defaults) {
    const read = (parts: Split) =>
      parse({ name: DATA.name, usage: OF.usage, arity: [0, 0], options: OPTIONS }, parts.ours, defaults)
    const parts = split(argv, OPTIONS, KNOWN)
    const parsed = read(parts)
    if (parsed === 'help') return 'help'
    if (parts.unknown === undefined) checked(parts)
    return {
      startsNode: true,
      async run(context) {
        if (parts.unknown === undefined) return runImage(context, parsed, checked(parts))
        const { docker } = await context.docker()
        const whole = split(argv, OPTIONS, flagsIn(await docker.help()))
        const again = read(whole)
        if (again === 'help') return
        return runImage(context, again, checked(whole))
      },
    }
  },
}

/** @throws BAD_FLAG, USAGE */
function checked(parts: Split): Split & { readonly reference: string } {
  const { unknown, lacking, reference, docker } = parts
  if (unknown !== undefined) {
    const letter = /^-([^-])/.exec(unknown)?.[1]
    throw badFlag(
      letter === undefined
        ? `unknown flag: ${unknown.replace(/=.*$/s, '')}`
        : `unknown shorthand flag: '${letter}' in ${unknown}`,
      OF,
    )
  }
  if (lacking !== undefined)
    throw badFlag(
      `flag needs an argument: ${lacking.length === 1 ? `'${lacking}' in -${lacking}` : `--${lacking}`}`,
      OF,
    )
  if (reference === undefined) throw wrongArity(1, Number.POSITIVE_INFINITY, OF)
  if (pullOf(docker).at(-1) === 'never') {
    throw badFlag('--pull never and "docker ipfs run" exclude each other: it loads what is missing', OF)
  }
  return { ...parts, reference }
}

async function runImage(
  context: CommandContext,
  { flags }: Parsed<typeof OPTIONS>,
  { docker, reference, command }: Split & { readonly reference: string },
): Promise<void> {
  const [{ findSource }, { load }, parts, { docker: engine }] = await Promise.all([
    import('../../../load/sources/find.ts'),
    import('../../../load/load.ts'),
    context.connect(flags),
    context.docker(),
  ])
  const tag = flags.tag === undefined ? {} : { tag: flags.tag }
  const all = { ...parts, ...tag, platform: flags.platform, timeoutMs: flags.timeout, noPin: flags['no-pin'] }
  const loaded = await load(await findSource(reference, all), all)
  context.close()
  const code = await engine.attached(
    ['run', ...withoutPull(docker), loaded.tag ?? loaded.imageId, ...command],
    parts.signal,
  )
  if (code !== 0) throw new EndsWith(code)
}

/** Values of --pull, which is about a registry of names; here it is loaded before, and docker would ask for an ID. */
function pullOf(docker: readonly string[]): string[] {
  return docker.flatMap((word, at) =>
    word.startsWith('--pull=') ? [word.slice(7)] : word === '--pull' ? [docker[at + 1] ?? ''] : [],
  )
}

function withoutPull(docker: readonly string[]): string[] {
  return docker.filter((word, at) => word !== '--pull' && !word.startsWith('--pull=') && docker[at - 1] !== '--pull')
}
