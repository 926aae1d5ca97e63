import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { DockerIpfsError, messageOf } from '../errors.ts'
import type { Report } from '../events.ts'
import { words } from '../output/ascii.ts'
import { createOutput } from '../output/output.ts'
import { createProgress, type ProgressMode } from '../output/progress.ts'
import type { Progress } from '../output/progress-lines.ts'
import {
  doorFolder,
  findEndpoint,
  openDocker,
  openDoor,
  openGateways,
  openImages,
  openNode,
  openRegistry,
  openRemotes,
  openTerminal,
} from './adapters.ts'
import type { CommandContext, CommandPorts } from './command.ts'
import type { Environment } from './environment.ts'
import type { ConnectionOptions, FlagsOf, GatewayOptions } from './options.ts'
import { patientOf } from './patient.ts'
import { nodeSettings } from './settings.ts'

export interface ContextOptions {
  readonly environment: Environment
  /** Docker's own flags, which each docker command is given. */
  readonly dockerGlobals: readonly string[]
  readonly signal: AbortSignal
  /** The command may start a node where none answers. */
  readonly startsNode: boolean
}

/** What a command is given. */
export function createContext(options: ContextOptions): CommandContext {
  const { environment, dockerGlobals, signal } = options
  let progress: Progress | undefined
  const faults = [...environment.settings.faults]
  const reporter = async (mode: ProgressMode): Promise<Report> => {
    progress = await createProgress(mode, process.stderr, { dumb: environment.all['TERM'] === 'dumb' })
    // Once, however many are asked for.
    for (const { text } of faults.splice(0)) progress.report({ type: 'warning', text })
    const { report } = progress
    if (!environment.isAscii) return report
    return (event) => report('text' in event ? { ...event, text: words(event.text, true) } : event)
  }
  const close = () => progress?.clear()
  return {
    output: createOutput(process.stdout, close, environment.isAscii),
    close,
    openImages: (path) => openImages(path, pipe, signal),
    pipe,
    connect: (flags, image) => connect(flags, image, reporter, options),
    async ownNode() {
      const [{ managed }, report] = await Promise.all([openDocker(environment, dockerGlobals), reporter('auto')])
      return { managed, report, signal }
    },
    docker: async () => ({ docker: await openTerminal(environment, dockerGlobals) }),
    async door() {
      const [door, report] = await Promise.all([openDoor(environment, dockerGlobals), reporter('auto')])
      return { door, report, signal }
    },
    doorParts: async (ports, choices) => {
      return {
        registry: await openRegistry(ports, choices),
        folder: doorFolder(environment),
        said: saidOf(environment),
      }
    },
    async remotes() {
      const [remotes, report] = await Promise.all([openRemotes(environment), reporter('auto')])
      return { remotes, report, signal }
    },
    readFile: readText,
    ask: (question) => ask(question, signal),
    patient: (api) => patientOf(api, options),
  }
}

/** A standard input, as `CommandContext.pipe` gives it. Only a look at it opens it. */
export function pipeOf(open: () => AsyncIterable<unknown> & { readonly isTTY?: boolean }): CommandContext['pipe'] {
  return (times) => {
    if (times > 1) throw new DockerIpfsError('USAGE', 'the standard input can be read only once')
    // docker's words.
    if (times > 0 && open().isTTY) {
      throw new DockerIpfsError('USAGE', 'requested load from stdin, but stdin is empty')
    }
    return () => open() as AsyncIterable<Uint8Array>
  }
}

/** The addresses that the environment names, as flags would. */
function saidOf({ settings: { values } }: Environment) {
  const said = ({ api, gateways }: typeof values) => [api, gateways].map((one) => (one?.inFile ? undefined : one?.text))
  const [api, gateways] = said(values)
  return {
    ...(api === undefined ? {} : { api }),
    ...(gateways === undefined ? {} : { gateways: gateways.split(/[\s,]+/).filter((url) => url !== '') }),
  }
}

const pipe = pipeOf(() => process.stdin)

async function ask(question: string, signal: AbortSignal): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false, signal })
  process.stderr.write(question)
  try {
    for await (const line of lines) return line
    signal.throwIfAborted()
    return ''
  } finally {
    lines.close()
  }
}

/** @throws FILE_FAILED */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new DockerIpfsError('FILE_FAILED', `cannot read ${path}: ${messageOf(cause)}`, { cause })
  }
}

async function connect(
  flags: FlagsOf<ConnectionOptions> & Partial<FlagsOf<GatewayOptions>>,
  image: string | undefined,
  reporter: (mode: ProgressMode) => Promise<Report>,
  { environment, dockerGlobals, signal, startsNode }: ContextOptions,
): Promise<CommandPorts> {
  const [report, { engine, managed }] = await Promise.all([
    reporter(flags.quiet ? 'quiet' : flags.progress),
    openDocker(environment, dockerGlobals),
  ])
  const warn = (text: string) => report({ type: 'warning', text })
  const gateways = await openGateways(flags, environment, warn)
  const found = image === undefined ? undefined : engine.inspect(image, signal)
  // What is wrong is told when somebody waits for it.
  found?.catch(() => undefined)
  const endpoint = await findEndpoint(nodeSettings(environment.settings, flags.api), environment, {
    managed,
    mayStart: startsNode && gateways === undefined,
    say: (text) => report({ type: 'step', text }),
    warn,
    signal,
  }).catch(async (error: unknown) => {
    // No docker is left behind.
    await found?.catch(() => undefined)
    throw error
  })
  return {
    engine,
    ...(await openNode(endpoint)),
    ...(gateways === undefined ? {} : { gateways }),
    report,
    signal,
    ...(found === undefined ? {} : { found }),
  }
}
