// The room of the command line. A command is data (command.ts): flags, arguments, and a use case that it loads itself. From that
// come parsing, help and completion. adapters.ts is the one place that makes engines, nodes and gateways; exit.ts the one that turns
// errors into words and exit codes; cancel.ts makes the one signal that reaches every child process and request.
// To add a command: a file in commands/, a line in commands/all.ts, a page of docs/guide/.

import metadata from '../../plugin-metadata.json' with { type: 'json' }
import { words } from '../output/ascii.ts'
import { createOutput } from '../output/output.ts'
import { watchForCancel } from './cancel.ts'
import { isCalled, type Prepared } from './command.ts'
import { COMMANDS, GROUPS } from './commands/all.ts'
import { complete } from './complete.ts'
import { createSources } from './completion-sources.ts'
import { createContext } from './context.ts'
import { type Environment, readEnvironment } from './environment.ts'
import { EndsWith, endingOf } from './exit.ts'
import { commandHelp, groupHelp, pluginHelp } from './help.ts'
import { type PluginArgv, parsePluginArgv } from './plugin.ts'
import { badFlag, unknownCommand } from './usage.ts'

/** Runs the program and gives its exit code; never throws. `argv`: the arguments after the program's own name. */
export async function run(argv: readonly string[]): Promise<number> {
  ignoreStreamErrors()
  let debug = false
  let isAscii = false
  try {
    const invocation = parsePluginArgv(argv)
    debug = invocation.debug
    const environment = readEnvironment(invocation.dockerGlobals)
    isAscii = environment.isAscii
    await dispatch(invocation, environment)
    return 0
  } catch (error) {
    const ending = endingOf(error, debug)
    if (ending.text !== '') process.stderr.write(`${words(ending.text, isAscii)}\n`)
    return ending.exitCode
  }
}

async function dispatch(invocation: PluginArgv, environment: Environment): Promise<void> {
  const { args, mode } = invocation
  if (mode === 'complete') {
    const sources = createSources(environment)
    const options = { commands: COMMANDS, groups: GROUPS, sources, descriptions: environment.completionDescriptions }
    return print(await complete(args, options))
  }
  const [name] = args
  if (name === undefined) return print(pluginHelp(metadata.ShortDescription, COMMANDS, GROUPS))
  if (name.startsWith('-')) return topLevelFlag(name, invocation, environment)

  const group = GROUPS.find((candidate) => candidate.name === name)
  const [word] = args.slice(1)
  if (group !== undefined && (word === undefined || word === '--help' || word === '-h')) {
    return print(groupHelp(group, COMMANDS))
  }
  const typed = args.slice(0, group === undefined ? 1 : 2).join(' ')
  const command = COMMANDS.find((candidate) => isCalled(candidate, typed))
  if (command === undefined) {
    throw unknownCommand(
      typed,
      [...COMMANDS, ...GROUPS].map((one) => one.name),
    )
  }
  const prepared =
    mode === 'help' ? 'help' : command.prepare(args.slice(group === undefined ? 1 : 2), environment.defaults)
  if (prepared === 'help') return print(commandHelp(command, process.stdout.columns))
  return runCancellable(prepared, invocation, environment)
}

/** `docker ipfs --version`, which people try, and mistakes. */
async function topLevelFlag(flag: string, invocation: PluginArgv, environment: Environment): Promise<void> {
  if (flag === '--version' || flag === '-v') return dispatch({ ...invocation, args: ['version'] }, environment)
  const text = flag.startsWith('--')
    ? `unknown flag: ${flag.replace(/=.*$/s, '')}`
    : `unknown shorthand flag: '${flag[1]}' in ${flag}`
  throw badFlag(text, { usage: 'docker ipfs COMMAND', path: 'docker ipfs' })
}

async function runCancellable(
  { run, startsNode }: Prepared,
  { dockerGlobals }: PluginArgv,
  environment: Environment,
): Promise<void> {
  const cancellation = watchForCancel(environment.pluginSocket)
  const context = createContext({ environment, dockerGlobals, startsNode, signal: cancellation.signal })
  try {
    await run(context)
  } catch (error) {
    // What ran in our place was told, and its exit code is what counts.
    if (error instanceof EndsWith) throw error
    // Whatever a library made of the abort ("The operation was aborted"), the user cancelled.
    throw cancellation.signal.aborted ? cancellation.signal.reason : error
  } finally {
    context.close()
    cancellation.close()
  }
}

function print(text: string): Promise<void> {
  return createOutput(process.stdout).line(text)
}

/** `docker ipfs --help | head -1` must not end in a stack trace. Writers of results hear of other errors themselves. */
function ignoreStreamErrors(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
}
