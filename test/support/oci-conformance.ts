import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { script } from './scripts.ts'

/** What the conformance suite of the OCI distribution spec says of a registry. */
export interface Conformance {
  readonly passed: number
  readonly failed: number
  /** Names of the cases that failed, as the suite has them, each once. */
  readonly failures: readonly string[]
}

/** Runs the suite (`scripts/conformance`) on a registry of this machine. `settings`: its variables, such as OCI_DATA_SHA512. */
export async function conformanceOf(port: number, settings: Readonly<Record<string, string>>): Promise<Conformance> {
  const program = (await script('conformance')).trim()
  const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-conformance-'))
  try {
    const child = Bun.spawn([program], {
      cwd: folder,
      env: { PATH: process.env['PATH'], OCI_REGISTRY: `127.0.0.1:${port}`, OCI_TLS: 'disabled', ...settings },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
    const count = (word: string) => Number(new RegExp(`^  ${word}\\.+: +(\\d+)$`, 'm').exec(stdout)?.[1] ?? Number.NaN)
    const names = [...`${stdout}\n${stderr}`.matchAll(/msg="failed test" name="OCI Conformance Test\/([^"]+)"/g)]
    return { passed: count('Pass'), failed: count('FAIL'), failures: [...new Set(names.map(([, name = '']) => name))] }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
