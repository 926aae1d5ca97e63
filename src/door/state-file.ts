import { chmod, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readText, replace } from '../background/files.ts'
import { runs } from '../background/process.ts'
import { until } from '../background/until.ts'
import { parsedObject } from '../json.ts'
import type { DoorOptions } from './options.ts'

/** What a front door writes down once it listens, and takes away when it ends. A crash leaves it behind. */
export interface DoorRecord {
  readonly pid: number
  /** Address that it listens at. */
  readonly host: string
  readonly port: number
  readonly isTls: boolean
  /** ISO 8601. */
  readonly startedAt: string
  readonly options: DoorOptions
}

/** What the command line of each front door has. */
const MARK = 'registry\0run'

export function logFile(folder: string): string {
  return join(folder, 'log')
}

/** Makes the folder, which is for its owner alone. */
export async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // One that is not ours stays as it is.
  await chmod(folder, 0o700).catch(() => undefined)
}

/** The front door that runs; undefined where none does. */
export async function readRunning(folder: string): Promise<DoorRecord | undefined> {
  const record = await readRecord(folder)
  return record !== undefined && (await runs(record.pid, MARK)) ? record : undefined
}

/** The last one that wrote itself down and did not end well, whether it runs or not; undefined where what is there is none. */
export async function readRecord(folder: string): Promise<DoorRecord | undefined> {
  const { pid, host, port, isTls, startedAt, options } = parsedObject(await readText(stateFile(folder))) ?? {}
  if (typeof pid !== 'number' || typeof port !== 'number' || typeof host !== 'string') return undefined
  if (typeof startedAt !== 'string' || typeof options !== 'object' || options === null) return undefined
  return { pid, host, port, isTls: isTls === true, startedAt, options: options as DoorOptions }
}

/**
 * Writes a front door down where no other is: of two the first is the one that commands mean. False where it is not, or the folder
 * may not be written, as in containers.
 */
export async function writeDown(folder: string, record: DoorRecord): Promise<boolean> {
  try {
    await makeFolder(folder)
    return await alone(folder, async () => {
      if ((await readRunning(folder)) !== undefined) return false
      await replace(stateFile(folder), JSON.stringify(record))
      return true
    })
  } catch {
    return false
  }
}

/** Time after which whoever holds the lock, for some milliseconds, must have been killed there. */
const LOCK_MS = 2000

/** Of several who look and then write, one at a time does. */
async function alone<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lock = join(folder, 'lock')
  const take = () =>
    mkdir(lock).then(
      () => true,
      (error: unknown) => {
        if ((error as { code?: unknown }).code === 'EEXIST') return undefined
        throw error
      },
    )
  await until(take, LOCK_MS, new AbortController().signal)
  try {
    return await work()
  } finally {
    await rm(lock, { recursive: true, force: true })
  }
}

export async function forget(folder: string, pid: number): Promise<void> {
  if ((await readRecord(folder))?.pid === pid) await rm(stateFile(folder), { force: true })
}

function stateFile(folder: string): string {
  return join(folder, 'state.json')
}
