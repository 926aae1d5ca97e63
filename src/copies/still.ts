import { DockerIpfsError } from '../errors.ts'

/** What is told of a place where nothing moves. `ms`: milliseconds. */
export function stoodStill(name: string, ms: number): DockerIpfsError {
  const seconds = Math.round(ms / 1000)
  return new DockerIpfsError('PLACE_FAILED', `nothing has moved at ${name} for ${seconds} s`, {
    hint: '--timeout waits longer. What is there already is not sent again.',
  })
}
