import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './relay.ts'
import { script } from './scripts.ts'

/** A registry that runs as a program of its own. */
export interface RegistryProgram {
  readonly port: number
  stop(): Promise<void>
}

/** Starts the registry of the CNCF distribution project (`scripts/registry`). */
export async function startRegistry(): Promise<RegistryProgram> {
  const program = (await script('registry')).trim()
  const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-registry-'))
  const port = await freePort()
  const config = join(folder, 'config.yml')
  writeFileSync(
    config,
    `version: 0.1\nstorage: { filesystem: { rootdirectory: "${folder}/data" }, delete: { enabled: true } }\nhttp: { addr: "127.0.0.1:${port}" }\n`,
  )
  const child = Bun.spawn([program, 'serve', config], {
    env: { PATH: process.env['PATH'], OTEL_TRACES_EXPORTER: 'none' },
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'ignore',
  })
  const stop = async () => {
    child.kill()
    await child.exited
    rmSync(folder, { recursive: true, force: true })
  }
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`the registry ended with exit code ${child.exitCode}`)
    await Bun.sleep(20)
  }
  return { port, stop }
}

/** Starts a server of ours on a registry in memory, as a process that may crash without the tests. */
export async function startServer(): Promise<RegistryProgram> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, 'serve-memory.ts')], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'ignore',
  })
  let text = ''
  for await (const part of child.stdout as AsyncIterable<Uint8Array>) {
    text += Buffer.from(part).toString()
    if (text.includes('\n')) break
  }
  const port = Number(text)
  if (!(await answers(port))) throw new Error(`the server says it is at ${JSON.stringify(text)}`)
  return {
    port,
    stop: async () => {
      child.kill()
      await child.exited
    },
  }
}

async function answers(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined)
  return answer?.ok ?? false
}
