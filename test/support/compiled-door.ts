import { readFileSync } from 'node:fs'
import type { RequestEntry } from '../../src/distribution/options.ts'
import type { Api } from './kubo-node.ts'
import { PLUGIN, type Place, type Running } from './place.ts'
import { freePort } from './relay.ts'

/** The front door as users run it: the compiled plugin, `registry run`. */
export interface CompiledDoor {
  readonly port: number
  /** `127.0.0.1:<port>` */
  readonly host: string
  readonly pid: number
  /** What was answered, as its log has it. */
  readonly requests: readonly RequestEntry[]
  /** How often something was asked for, by method and the end of the path. */
  count(method: string, end: string): number
  /** Bytes of request bodies that were read since the last time. */
  received(): number
  /** The most memory that it had at any time, in bytes. */
  peak(): number
  /** Ends it as a crash would. */
  kill(): Promise<void>
  stop(): Promise<void>
}

/** @param flags of `docker ipfs registry run`. @param at a port that one had before */
export async function startDoor(
  place: Place,
  { api }: Api,
  flags: readonly string[] = [],
  at?: number,
): Promise<CompiledDoor> {
  const port = at ?? (await freePort())
  const requests: RequestEntry[] = []
  let rest = ''
  const args = ['registry', 'run', '--port', `${port}`, '--format', 'json', ...flags]
  const running: Running = place.start(PLUGIN, args, {
    env: { DOCKER_IPFS_API: api },
    onStdout(text) {
      const lines = `${rest}${text}`.split('\n')
      rest = lines.pop() ?? ''
      requests.push(...lines.map((line) => JSON.parse(line) as RequestEntry))
    },
  })
  let ended = false
  void running.finished.then(() => {
    ended = true
  })
  while (!(await answers(port))) {
    if (ended) throw new Error(`the front door ended: ${(await running.finished).stderr}`)
    await Bun.sleep(20)
  }
  let told = 0
  const end = async (signal: NodeJS.Signals) => {
    if (!ended) process.kill(running.pid, signal)
    await running.finished
  }
  return {
    port,
    host: `127.0.0.1:${port}`,
    pid: running.pid,
    requests,
    count: (method, tail) => requests.filter((entry) => entry.method === method && entry.path.endsWith(tail)).length,
    received() {
      const all = requests.reduce((sum, { received }) => sum + received, 0)
      const since = all - told
      told = all
      return since
    },
    peak() {
      return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${running.pid}/status`, 'utf8'))?.[1]) * 1024
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
  }
}

async function answers(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined)
  return answer?.ok ?? false
}
