import { DockerIpfsError } from '../../../errors.ts'
import { rowFormat } from '../../../output/rows.ts'
import { type CommandContext, defineCommand } from '../../command.ts'
import { api, format } from '../../options.ts'
import type { Parsed } from '../../parse.ts'
import { badFlag, wrongArity } from '../../usage.ts'

const OF = { usage: 'docker ipfs keep [OPTIONS] N|ls|rm [PATTERN]', path: 'docker ipfs keep' }
const OPTIONS = [api, format] as const

const ROWS = { heads: { Pattern: 'PATTERN', Copies: 'COPIES' }, shown: ['Pattern', 'Copies'] }
/** How the rule for all is shown. */
const ALL = '*'

export const keep = defineCommand({
  name: 'keep',
  usage: OF.usage,
  summary: 'Say how many complete copies images must have; list or remove such rules',
  arity: [1, 2],
  options: OPTIONS,
  async run(context, parsed) {
    const [what = '', pattern] = parsed.words
    if (what === 'ls') return list(context, parsed)
    const { isPattern, MOST_COPIES } = await import('../../../catalogue/rules.ts')
    const said = pattern === ALL ? undefined : pattern
    if (said !== undefined && !isPattern(said))
      throw badFlag(`"${said}" is no pattern of names, such as shop or team/*`, OF)
    if (what === 'rm') return remove(context, parsed, said)
    const copies = Number(what)
    if (!/^\d+$/.test(what) || copies < 1 || copies > MOST_COPIES) {
      throw badFlag(`"${what}" is no number of copies, 1 to ${MOST_COPIES}`, OF)
    }
    const { rules, signal } = await connect(context, parsed)
    await rules.set({ pattern: said, copies }, signal)
    await context.output.line(`${said ?? ALL}: ${copies}`)
  },
})

type Words = Parsed<typeof OPTIONS>

function connect(context: CommandContext, { flags }: Words) {
  return context.connect({ ...flags, quiet: false, progress: 'auto' })
}

async function list(context: CommandContext, parsed: Words): Promise<void> {
  if (parsed.words.length > 1) throw wrongArity(1, 1, { ...OF, path: `${OF.path} ls` })
  const { lines } = rowFormat(parsed.flags.format, ROWS)
  const { rules, signal } = await connect(context, parsed)
  const rows = (await rules.all(signal)).map(({ pattern, copies }) => ({ Pattern: pattern ?? ALL, Copies: copies }))
  for (const line of lines(rows)) await context.output.line(line)
}

async function remove(context: CommandContext, parsed: Words, pattern: string | undefined): Promise<void> {
  const { rules, signal } = await connect(context, parsed)
  if (!(await rules.remove(pattern, signal))) {
    throw new DockerIpfsError('USAGE', `there is no rule for ${pattern ?? 'all images'}`, {
      hint: '"docker ipfs keep ls" lists the rules.',
    })
  }
  await context.output.line(`Removed: ${pattern ?? ALL}`)
}
