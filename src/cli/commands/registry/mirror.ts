import { resolve } from 'node:path'
import { getuid } from 'node:process'
import type { MirrorPlan } from '../../../door/mirror/mirror.ts'
import { DEFAULT_HOST, DEFAULT_PORT } from '../../../door/options.ts'
import { DockerIpfsError } from '../../../errors.ts'
import { homeOf } from '../../../home.ts'
import { type CommandContext, defineCommand } from '../../command.ts'
import type { Parsed } from '../../parse.ts'
import { badFlag, type UsageOf } from '../../usage.ts'

const OF: UsageOf = {
  usage: 'docker ipfs mirror [OPTIONS] docker|containerd|podman|crio|k3s',
  path: 'docker ipfs mirror',
}

const OPTIONS = [
  {
    name: 'file',
    type: 'string',
    description: 'File with the settings (default: where the tool has it)',
    isPath: true,
  },
  { name: 'force', short: 'f', type: 'boolean', description: 'Do not prompt for confirmation' },
  {
    name: 'port',
    type: 'string',
    description: `Port of the registry (default ${DEFAULT_PORT}, or that of the one that runs)`,
  },
  {
    name: 'registry',
    type: 'string',
    description: 'Registry whose names are looked for on IPFS first',
    default: 'docker.io',
  },
  { name: 'remove', type: 'boolean', description: 'Take the settings back out of the file' },
  { name: 'write', type: 'boolean', description: 'Change the file, and keep a copy of it' },
] as const

export const mirror = defineCommand({
  name: 'mirror',
  usage: OF.usage,
  summary: 'Print or write the settings by which other programs look for names on IPFS first',
  arity: [1, 1],
  options: OPTIONS,
  run,
})

async function run(context: CommandContext, { flags, words: [tool = ''] }: Parsed<typeof OPTIONS>): Promise<void> {
  if (flags.write && flags.remove) throw badFlag('--write and --remove exclude each other', OF)
  const { planMirror, writeMirror } = await import('../../../door/mirror/mirror.ts')
  const { report, address } = await addressFor(context, flags.port)
  const step = (text: string) => report({ type: 'step', text })
  const plan = await planMirror({
    tool,
    address,
    registry: flags.registry,
    file: flags.file === undefined ? undefined : resolve(flags.file),
    home: getuid?.() === 0 ? undefined : homeOf({}),
    removes: flags.remove,
  })
  if (!flags.remove) report({ type: 'warning', text: shadows(flags.registry) })
  if (!flags.write && !flags.remove) {
    step(`For ${plan.file}, whole; --write puts it there`)
    await context.output.line(plan.after.trimEnd())
    return step(plan.reload)
  }
  if (plan.before === plan.after) return step(`Nothing to change: ${plan.file}`)
  if (!flags.force) await confirm(plan, context)
  const copy = await writeMirror(plan)
  step(`Changed: ${plan.file}${copy === undefined ? '' : `; as it was: ${copy}`}`)
  step(plan.reload)
}

function shadows(registry: string): string {
  return `a name that your node keeps goes before the same name at ${registry}: whoever may save there decides what it is`
}

/** @throws USAGE when the answer is not yes */
async function confirm(plan: MirrorPlan, { ask }: CommandContext): Promise<void> {
  const { changesOf } = await import('../../../door/mirror/mirror.ts')
  const question = `${plan.file}:\n${changesOf(plan).join('\n')}\n\nChange it? [y/N] `
  if (/^y(?:es)?$/i.test((await ask(question)).trim())) return
  throw new DockerIpfsError('USAGE', 'nothing is changed', { hint: 'Answer y, or use --force.' })
}

/** Where the registry of this user is, or is going to be. */
async function addressFor(context: CommandContext, port: string | undefined) {
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) > 0 && Number(port) < 65536)) {
    throw badFlag(`--port is a port, 1 to 65535, not "${port}"`, OF)
  }
  const { door, report, signal } = await context.door()
  const running = port === undefined ? (await door.status(signal)).address : undefined
  return { report, address: running ?? `${DEFAULT_HOST}:${port ?? DEFAULT_PORT}` }
}
