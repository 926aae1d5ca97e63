import { open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { TEMP_NAME, UNFINISHED } from './car-writer.ts'

/** A file that is written to is young. In milliseconds. */
const YOUNG_MS = 10 * 60 * 1000

/** A file that a `save -o` which was killed has left. */
export interface LeftTemp {
  readonly path: string
  readonly bytes: number
  remove(): Promise<void>
}

/** Those in a folder; none where it cannot be read. Nobody has written to them for ten minutes. */
export async function leftTemps(folder: string, now = Date.now()): Promise<LeftTemp[]> {
  const names = await readdir(folder).catch(() => [])
  const left: LeftTemp[] = []
  for (const name of names.filter((each) => TEMP_NAME.test(each)).toSorted()) {
    const path = join(folder, name)
    const info = await stat(path).catch(() => undefined)
    if (!info?.isFile() || now - info.mtimeMs < YOUNG_MS) continue
    if (info.size > 0 && !(await beginsAsOurs(path))) continue
    left.push({ path, bytes: info.size, remove: () => rm(path, { force: true }) })
  }
  return left
}

async function beginsAsOurs(path: string): Promise<boolean> {
  const handle = await open(path).catch(() => undefined)
  if (handle === undefined) return false
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(UNFINISHED.length), 0, UNFINISHED.length, 0)
    return buffer.subarray(0, bytesRead).equals(UNFINISHED)
  } finally {
    await handle.close()
  }
}
