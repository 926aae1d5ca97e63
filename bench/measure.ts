/** Runs one command and says what it cost. */
import { readFileSync } from 'node:fs'
import { MemoryWatch } from './memory.ts'
import type { RunningEngine } from './places.ts'
import { cpuSeconds } from './processes.ts'
import { run } from './shell.ts'

/** Seconds and bytes. */
export interface Cost {
  readonly wall: number
  readonly clientCpu: number
  readonly nodeCpu: number
  readonly engineCpu: number
  /** The most that a single process of the command had. */
  readonly clientMemory: number
  /** The most that all processes of the command had together. */
  readonly clientMemoryTogether: number
}

export interface Watched {
  readonly engine: Pick<RunningEngine, 'pids'>
  readonly nodePid: number | undefined
  /** Folder for DOCKER_CONFIG. */
  readonly dockerConfig: string
}

const IDLE_MS = 300
const MOST_LOOKS = 30
/** Part of the machine's time that nobody uses. */
const IDLE = 0.95

/** Waits, some seconds at most, for what a node that was just started, and a file system in a file, still do. */
async function untilIdle(): Promise<void> {
  for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
    const before = cpuTimes()
    await Bun.sleep(IDLE_MS)
    const after = cpuTimes()
    if ((after.idle - before.idle) / (after.all - before.all) > IDLE) return
  }
}

function cpuTimes(): { readonly idle: number; readonly all: number } {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n')
  const times = line.split(/ +/).slice(1, 9).map(Number)
  return { idle: (times[3] ?? 0) + (times[4] ?? 0), all: times.reduce((sum, time) => sum + time, 0) }
}

/** Runs a line of bash to its end; a failure anywhere in a pipe is a failure. */
export async function measure(line: string, watched: Watched): Promise<{ cost: Cost; output: string }> {
  // What earlier commands left to be written must not slow this one down.
  await run(['sync'])
  await untilIdle()
  const node = () => (watched.nodePid === undefined ? 0 : cpuSeconds([watched.nodePid]))
  const { pids } = watched.engine
  const before = { node: node(), engine: cpuSeconds(pids) }
  const started = performance.now()
  const child = Bun.spawn(['bash', '-c', `set -o pipefail; ${line}`], {
    env: { ...process.env, DOCKER_CONFIG: watched.dockerConfig },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const memory = new MemoryWatch(child.pid)
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  const peak = memory.stop()
  const wall = (performance.now() - started) / 1000
  if (code !== 0) throw new Error(`${line}: exit code ${code}\n${errors.slice(-2000)}`)
  const usage = child.resourceUsage()
  if (usage === undefined) throw new Error(`no resource usage of: ${line}`)
  const cost = {
    wall,
    clientCpu: Number(usage.cpuTime.total) / 1e6,
    nodeCpu: node() - before.node,
    engineCpu: cpuSeconds(pids) - before.engine,
    clientMemory: peak.largest,
    clientMemoryTogether: peak.together,
  }
  return { cost, output: output.trim() }
}
