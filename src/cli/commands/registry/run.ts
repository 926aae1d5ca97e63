import { type CommandContext, defineCommand } from '../../command.ts'
import type { Parsed } from '../../parse.ts'
import { doorOptions, START_FLAGS, TIMEOUT_MS } from './flags.ts'

const OF = { usage: 'docker ipfs registry run [OPTIONS]', path: 'docker ipfs registry run' }

const format = {
  name: 'format',
  type: 'string',
  description: 'Format of the log of requests (plain, json)',
  default: 'plain',
  choices: ['plain', 'json'],
} as const

const [api, ...others] = START_FLAGS
const OPTIONS = [api, format, ...others] as const

export const registryRun = defineCommand({
  name: 'registry run',
  usage: OF.usage,
  summary: 'The same in the foreground, for services and containers; requests are listed on stdout',
  arity: [0, 0],
  options: OPTIONS,
  startsNode: () => true,
  run,
})

async function run(context: CommandContext, { flags }: Parsed<typeof OPTIONS>): Promise<void> {
  const options = doorOptions(flags, OF)
  const [{ checkOptions }, { runDoor }, { requestJson, requestLine }] = await Promise.all([
    import('../../../door/check-options.ts'),
    import('../../../door/run.ts'),
    import('../../../door/request-line.ts'),
  ])
  checkOptions(options)
  const timeoutMs = flags.timeout ?? TIMEOUT_MS
  const ports = await context.connect({ ...flags, timeout: timeoutMs, quiet: false, progress: 'auto' })
  const { noPin = false, isReadOnly = false } = options
  const { registry, folder, said } = await context.doorParts(ports, { noPin, isReadOnly, timeoutMs })
  await runDoor({
    ...ports,
    registry,
    folder,
    options: { ...said, ...options },
    lineOf: flags.format === 'json' ? requestJson : requestLine,
    // A reader that has gone ends nothing; a full disk must not either.
    write: (line) => void context.output.line(line).catch(() => undefined),
  })
}
