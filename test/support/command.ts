import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { openImages } from '../../src/cli/adapters.ts'
import type { Command, CommandContext, CommandPorts } from '../../src/cli/command.ts'
import { save } from '../../src/cli/commands/save.ts'
import { pipeOf, readText } from '../../src/cli/context.ts'
import { endingOf } from '../../src/cli/exit.ts'
import { commandHelp } from '../../src/cli/help.ts'
import type { Defaults } from '../../src/cli/parse.ts'
import type { Remotes } from '../../src/copies/remotes/remotes.ts'
import type { Registry } from '../../src/distribution/registry.ts'
import type { Patient } from '../../src/doctor/doctor.ts'
import { createDoor, type Door } from '../../src/door/door.ts'
import type { DockerTerminal } from '../../src/engine/docker/terminal.ts'
import type { Engine } from '../../src/engine/engine.ts'
import type { ManagedNode } from '../../src/managed/node.ts'
import { createManagedNode } from '../../src/managed/node.ts'
import { createOutput } from '../../src/output/output.ts'
import { createProgress, type ProgressMode } from '../../src/output/progress.ts'
import { GOLDEN, GOLDEN_ROOTS, twoLayers } from './images.ts'
import { MemoryEngine } from './memory/engine.ts'
import { MemoryNode } from './memory/node.ts'
import { MemoryRemotes } from './memory/remotes.ts'

/** What commands are run on; what a test leaves out is empty. */
export interface Surroundings {
  readonly node?: MemoryNode
  readonly engine?: Engine
  /** What is found where a command may use gateways and names one. */
  readonly gateways?: CommandPorts['gateways']
  readonly managed?: ManagedNode
  readonly patient?: Patient
  readonly door?: Door
  readonly remotes?: Remotes
  /** What docker does in our place; it ends well where nothing is said. */
  readonly docker?: Partial<DockerTerminal>
  /** What the front door serves, and the folder where it is written down. */
  readonly served?: { readonly registry: Registry; readonly folder: string }
  /** Ends what goes on until it is cancelled. */
  readonly signal?: AbortSignal
  /** What is piped in; nothing is a terminal. */
  readonly stdin?: Uint8Array
  /** What is said to a question; nothing, where nobody sits there. */
  readonly answer?: string
  /** Results go to a terminal. */
  readonly isTerminal?: boolean
  /** What the user's settings say of flags. */
  readonly defaults?: Defaults
}

/** What a user sees of a command. */
export interface CommandRun {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  /** The same as stdout, where that is no text. */
  readonly bytes: Buffer
}

/**
 * Runs a command as `cli/program.ts` does, with the node and the engine in memory: the words that it prints, where they go,
 * and the exit code are those that users meet.
 */
export async function runCommand(command: Command, argv: readonly string[], on: Surroundings): Promise<CommandRun> {
  const written: Buffer[] = []
  const stderr = new PassThrough()
  const context = contextOf(on, written, stderr)
  const exitCode = await endOf(command, argv, on.defaults, context, stderr)
  const bytes = Buffer.concat(written)
  return { exitCode, stdout: bytes.toString(), stderr: await text(stderr.end()), bytes }
}

async function endOf(
  command: Command,
  argv: readonly string[],
  defaults: Defaults | undefined,
  context: CommandContext,
  stderr: NodeJS.WritableStream,
): Promise<number> {
  try {
    const prepared = command.prepare(argv, defaults)
    if (prepared === 'help') await context.output.line(commandHelp(command))
    else await prepared.run(context)
    return 0
  } catch (error) {
    const ending = endingOf(error, false)
    if (ending.text !== '') stderr.write(`${ending.text}\n`)
    return ending.exitCode
  }
}

function contextOf(on: Surroundings, written: Buffer[], stderr: PassThrough): CommandContext {
  const { signal } = on.signal === undefined ? new AbortController() : { signal: on.signal }
  const { node = new MemoryNode(), engine = new MemoryEngine(), managed = createManagedNode([], undefined) } = on
  const reporter = async (mode: ProgressMode) => (await createProgress(mode, stderr)).report
  const pipe = pipeOf(() => Object.assign(streamOf(on.stdin), { isTTY: on.stdin === undefined }))
  const sink = {
    isTTY: on.isTerminal === true,
    write(data: string | Uint8Array, done: () => void) {
      written.push(Buffer.from(data))
      done()
    },
  }
  return {
    output: createOutput(sink),
    openImages: (path) => openImages(path, pipe, signal),
    pipe,
    readFile: readText,
    ask: async () => on.answer ?? '',
    async connect(flags, image) {
      const report = await reporter(flags.quiet ? 'quiet' : flags.progress)
      const gateways = flags.gateway === undefined || flags.gateway.length === 0 ? undefined : on.gateways
      return {
        engine,
        ...node.ports,
        ...(gateways === undefined ? {} : { gateways }),
        report,
        signal,
        ...(image === undefined ? {} : { found: engine.inspect(image, signal) }),
      }
    },
    async patient() {
      if (on.patient === undefined) throw new Error('the test has no patient')
      return on.patient
    },
    close: () => {},
    docker: async () => ({ docker: { attached: async () => 0, help: async () => '', ...on.docker } }),
    door: async () => ({ door: on.door ?? noDoor(), report: await reporter('auto'), signal }),
    async remotes() {
      return { remotes: on.remotes ?? new MemoryRemotes(), report: await reporter('auto'), signal }
    },
    async doorParts() {
      if (on.served === undefined) throw new Error('the test has nothing to serve')
      return { ...on.served, said: {} }
    },
    ownNode: async () => ({ managed, report: await reporter('auto'), signal }),
  }
}

/** A front door that was never started, nor can be. */
function noDoor(): Door {
  return createDoor({ program: '/nowhere/docker-ipfs', globals: [], env: {}, handed: {}, folder: '/nowhere' })
}

async function* streamOf(bytes: Uint8Array = new Uint8Array()): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** The root CIDs of the images of `twoSavedImages`. */
export const TINY = GOLDEN_ROOTS.tiny
export const APP = 'bafybeiepwr2dfh375y66kzd7setvg4appwmx2f2pcuuii4cr3po33suh5y'

/** An engine with `tiny:1`, of one small layer, and `app:1`, of two larger ones; a node that keeps both; what runs commands there. */
export async function twoSavedImages(more: Surroundings = {}) {
  const node = new MemoryNode()
  const engine = new MemoryEngine()
  engine.add(GOLDEN.tiny(), 'tiny:1')
  engine.add(twoLayers(), 'app:1')
  const run = (command: Command, ...argv: string[]) => runCommand(command, argv, { node, engine, ...more })
  await run(save, '-q', 'tiny:1', 'app:1')
  return { node, engine, run }
}
