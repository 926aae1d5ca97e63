import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const SCRIPTS = join(import.meta.dir, '../../scripts')

/**
 * The run folder of these tests, not that of engines and nodes that somebody works with: the tests
 * start from nothing and leave nothing, whatever an earlier run that was killed has left there.
 */
export const RUN = join(
  process.env['DOCKER_IPFS_RUN'] ?? `/tmp/docker-ipfs-e2e-${process.getuid?.()}`,
  // Workers of `bun test --parallel` have engines and nodes of their own each.
  process.env['BUN_TEST_WORKER_ID'] ?? '',
)

/** Runs a script of the project on the run folder of these tests. */
export async function script(name: string, ...args: string[]): Promise<string> {
  const child = Bun.spawn([join(SCRIPTS, name), ...args], {
    env: { ...process.env, DOCKER_IPFS_RUN: RUN },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`scripts/${name} ${args.join(' ')}: exit code ${code}\n${stderr}`)
  return stdout
}

/** Where the scripts keep the state of a node; it need not be there yet. */
export function stateOfNode(name: string): string {
  return join(RUN, 'nodes', name)
}

/** Runs a command of the machine and gives its stdout. */
export function run(command: string, args: readonly string[]): Buffer {
  const { status, stdout, stderr, error } = spawnSync(command, args, { maxBuffer: 1 << 30 })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`)
  return stdout
}

export function fail(message: string): never {
  throw new Error(message)
}
