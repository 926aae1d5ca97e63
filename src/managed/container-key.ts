import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Docker } from '../engine/docker/command.ts'
import { CONTAINER } from './container-arguments.ts'

/** Not in the environment or on a command line, which others see. The container moves it into its repository. */
export async function copyKey(swarmKey: string, docker: Pick<Docker, 'run'>, signal: AbortSignal): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'docker-ipfs-'))
  try {
    await writeFile(join(folder, 'swarm.key'), swarmKey, { mode: 0o644 })
    await docker.run(['container', 'cp', join(folder, 'swarm.key'), `${CONTAINER}:/container-init.d/`], signal)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
