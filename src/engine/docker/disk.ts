import { statfs } from 'node:fs/promises'
import { hostname } from 'node:os'

/**
 * Bytes that are left for users on the disk of an engine's data; undefined where the engine is on another machine, as in a virtual one of
 * Docker Desktop.
 * @param info the engine's answer to `GET /info`
 */
export async function freeBytesOf(info: Readonly<Record<string, unknown>>): Promise<number | undefined> {
  const { Name: name, DockerRootDir: root } = info
  if (name !== hostname() || typeof root !== 'string' || !root.startsWith('/')) return undefined
  const disk = await statfs(root).catch(() => undefined)
  return disk && disk.bavail * disk.bsize
}
