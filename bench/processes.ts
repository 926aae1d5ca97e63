/** CPU time of running processes, from /proc. */
import { readdirSync, readFileSync } from 'node:fs'

/** USER_HZ: on Linux 100 for every program, whatever the kernel's own clock. */
const TICKS_PER_SECOND = 100

interface Stat {
  readonly parent: number
  /** Own time and that of children that ended. */
  readonly ticks: number
}

/** Processes that have this text on their command line. */
export function processesWith(text: string): number[] {
  return pids().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text)
    } catch {
      return false
    }
  })
}

/** CPU seconds used so far by processes, their descendants, and those of them that ended. */
export function cpuSeconds(roots: readonly number[]): number {
  const stats = new Map<number, Stat>()
  for (const pid of pids()) {
    const stat = readStat(pid)
    if (stat !== undefined) stats.set(pid, stat)
  }
  let ticks = 0
  for (const [pid, stat] of stats) if (descendsFrom(pid, roots, stats)) ticks += stat.ticks
  return ticks / TICKS_PER_SECOND
}

function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

function descendsFrom(pid: number, roots: readonly number[], stats: ReadonlyMap<number, Stat>): boolean {
  let at: number | undefined = pid
  while (at !== undefined && at !== 0) {
    if (roots.includes(at)) return true
    at = stats.get(at)?.parent
  }
  return false
}

function readStat(pid: number): Stat | undefined {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined // it ended meanwhile
  }
  // Behind the program's name, which may hold anything: state, ppid, …; utime, stime, cutime and cstime are 14 to 17.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0)
  return { parent: Number(fields[1]), ticks }
}
