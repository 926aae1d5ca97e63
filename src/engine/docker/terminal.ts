import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { hasCode } from '../../errors.ts'
import { type DockerOptions, noDocker } from './command.ts'

/** docker in the place of ours: with our terminal, and an exit code that becomes ours. */
export interface DockerTerminal {
  /**
   * Runs it to its end and gives its exit code, as a shell shows it.
   * @throws ENGINE_UNREACHABLE where there is no docker
   */
  attached(args: readonly string[], signal: AbortSignal): Promise<number>
  /** What `docker run --help` prints; empty where there is no docker. */
  help(): Promise<string>
}

/** @param isTerminal a terminal sends Ctrl-C to docker as it does to us: it must not get it twice */
export function createDockerTerminal({ docker, globals, env }: DockerOptions, isTerminal: boolean): DockerTerminal {
  return {
    async attached(args, signal) {
      const child = spawn(docker, [...globals, ...args], { env, stdio: 'inherit' })
      const forward = () => {
        const number = hasCode(signal.reason, 'CANCELLED') ? (signal.reason.signal ?? 2) : 2
        if (number === 2 && isTerminal) return
        child.kill(number === 2 ? 'SIGINT' : 'SIGTERM')
      }
      const ended = once(child, 'exit')
      if (signal.aborted) forward()
      signal.addEventListener('abort', forward, { once: true })
      try {
        const [code, endedBy] = (await ended) as [number | null, keyof typeof constants.signals | null]
        return code ?? 128 + (endedBy === null ? 0 : constants.signals[endedBy])
      } catch (error) {
        throw noDocker(error)
      } finally {
        signal.removeEventListener('abort', forward)
      }
    },
    async help() {
      const child = spawn(docker, [...globals, 'run', '--help'], { env, stdio: ['ignore', 'pipe', 'ignore'] })
      const text: Buffer[] = []
      child.stdout.on('data', (bytes: Buffer) => text.push(bytes))
      return once(child, 'close').then(
        () => Buffer.concat(text).toString(),
        () => '',
      )
    },
  }
}
