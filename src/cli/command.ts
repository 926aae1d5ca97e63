import type { Catalogue } from '../catalogue/catalogue.ts'
import type { Originals } from '../catalogue/originals.ts'
import type { Publications } from '../catalogue/publications.ts'
import type { Rules } from '../catalogue/rules.ts'
import type { Observations } from '../copies/observations.ts'
import type { Remotes } from '../copies/remotes/remotes.ts'
import type { Registry } from '../distribution/registry.ts'
import type { Patient } from '../doctor/doctor.ts'
import type { Door } from '../door/door.ts'
import type { DockerTerminal } from '../engine/docker/terminal.ts'
import type { Engine, ImageInfo } from '../engine/engine.ts'
import type { Report } from '../events.ts'
import type { ImageInput } from '../image/input.ts'
import type { ManagedNode } from '../managed/node.ts'
import type { Output } from '../output/output.ts'
import type { Gateways } from '../store/gateways.ts'
import type { Node } from '../store/node.ts'
import type { Argument, ConnectionOptions, FlagsOf, GatewayOptions, Option } from './options.ts'
import { type Defaults, type Parsed, parse } from './parse.ts'

/** What a use case is given: ports of the engine and the node that a command works with. */
export interface CommandPorts extends Omit<Node, 'address' | 'version'> {
  readonly engine: Engine
  /** What the ports beside it belong to. */
  readonly node: Pick<Node, 'address' | 'version'>
  readonly catalogue: Catalogue
  /** What was pushed, as it was pushed. */
  readonly originals: Originals
  /** What was published from the node, and what was pulled. */
  readonly publications: Publications
  /** What places had when they were last asked. */
  readonly observations: Observations
  /** How many copies images are to have. */
  readonly rules: Rules
  /** Where the command may use gateways, and some are named. */
  readonly gateways?: Gateways
  readonly report: Report
  readonly signal: AbortSignal
  /** What the engine says of the image that the command is about, where `connect` was told which. */
  readonly found?: Promise<ImageInfo | undefined>
}

/** What a command is given. */
export interface CommandContext {
  /** Results, on stdout. */
  readonly output: Output
  /**
   * An archive or an OCI layout that the user named; `-` is the standard input.
   * @throws FILE_FAILED, ARCHIVE_INVALID; USAGE when the standard input is a terminal
   */
  readonly openImages: (path: string) => Promise<ImageInput>
  /**
   * The standard input, which is to be read so many times.
   * @throws USAGE when it is a terminal, or wanted more than once
   */
  readonly pipe: (times: number) => () => AsyncIterable<Uint8Array>
  /**
   * Connects to the engine, the node and the gateways that the flags and the environment name. Where no node answers it is
   * docker-ipfs' own, which is started if the command may do so (`startsNode`) and there are no gateways.
   * With an `image` the engine is asked for it meanwhile, and its answer is `found`.
   * @throws DockerIpfsError NODE_UNREACHABLE, BAD_FLAG when an address cannot be read
   */
  readonly connect: (
    flags: FlagsOf<ConnectionOptions> & Partial<FlagsOf<GatewayOptions>>,
    image?: string,
  ) => Promise<CommandPorts>
  /** What `doctor` looks at, with the value of --api. */
  readonly patient: (api: string | undefined) => Promise<Patient>
  /** The node that docker-ipfs runs by itself. */
  readonly ownNode: () => Promise<Pick<CommandPorts, 'report' | 'signal'> & { readonly managed: ManagedNode }>
  /** docker itself, in our place. */
  readonly docker: () => Promise<{ readonly docker: DockerTerminal }>
  /** Takes progress bars off the terminal. */
  readonly close: () => void
  /** The registry of this user on this machine, as a process. */
  readonly door: () => Promise<Pick<CommandPorts, 'report' | 'signal'> & { readonly door: Door }>
  /** What runs in it. */
  readonly doorParts: (ports: CommandPorts, choices: RegistryChoices) => Promise<DoorSurroundings>
  /** Other places for images. */
  readonly remotes: () => Promise<Pick<CommandPorts, 'report' | 'signal'> & { readonly remotes: Remotes }>
  /** Puts a question to whoever sits there: on stderr. Gives the line of the standard input that answers it, '' where that is at its end. */
  readonly ask: (question: string) => Promise<string>
  /** The text of a file that the user named. @throws FILE_FAILED */
  readonly readFile: (path: string) => Promise<string>
}

export interface RegistryChoices {
  readonly noPin: boolean
  readonly isReadOnly: boolean
  /** Milliseconds. */
  readonly timeoutMs: number
}

export interface DoorSurroundings {
  readonly registry: Registry
  /** Where it is written down. */
  readonly folder: string
  /** Addresses that the environment names. */
  readonly said: { readonly api?: string; readonly gateways?: readonly string[] }
}

/** A command is data; help, parsing and completion are made from it. */
export interface CommandSpec<Options extends readonly Option[]> {
  readonly name: string
  /** Other names of it, which docker has for the same. */
  readonly aliases?: readonly string[]
  /** As help shows it, e.g. `docker ipfs save [OPTIONS] IMAGE [IMAGE...]`. */
  readonly usage: string
  /** One line, without a full stop. */
  readonly summary: string
  /** How many arguments: at least, at most (Infinity for any number). */
  readonly arity: readonly [min: number, max: number]
  /** What they are, in order; what the last one is, all after it are. Left out where nothing can be said of them. */
  readonly takes?: readonly Argument[]
  /** In the order of their names, as docker's help lists them. */
  readonly options: Options
  /** Whether it may start a node where none answers. Commands that only read never do. */
  readonly startsNode?: (flags: FlagsOf<Options>) => boolean
  /** Runs the use case; it loads it itself (`await import`), so that `--help` and the others start fast. */
  readonly run: (context: CommandContext, args: Parsed<Options>) => Promise<void>
}

export interface Command extends Omit<CommandSpec<readonly Option[]>, 'run' | 'startsNode'> {
  /**
   * Reads the command line: 'help' when it asks for help, else what runs the command. `defaults`: from the user's settings.
   * @throws UsageError USAGE, BAD_FLAG
   */
  readonly prepare: (argv: readonly string[], defaults?: Defaults) => 'help' | Prepared
}

/** Whether somebody who typed this meant the command. */
export function isCalled({ name, aliases }: Pick<Command, 'name' | 'aliases'>, typed: string): boolean {
  return name === typed || aliases?.includes(typed) === true
}

export interface Prepared {
  readonly startsNode: boolean
  readonly run: (context: CommandContext) => Promise<void>
}

export function defineCommand<const Options extends readonly Option[]>(spec: CommandSpec<Options>): Command {
  const { run, startsNode, ...data } = spec
  return {
    ...data,
    prepare(argv, defaults) {
      const parsed = parse(data, argv, defaults)
      if (parsed === 'help') return parsed
      return { startsNode: startsNode?.(parsed.flags) === true, run: (context) => run(context, parsed) }
    },
  }
}
