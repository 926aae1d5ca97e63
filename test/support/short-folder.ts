import { afterAll } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'

/** A folder for the tests of a file. Podman takes no run folder whose path has more than 50 characters. */
export function useShortFolder(): string {
  const folder = mkdtempSync('/tmp/podman-')
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
