import type { Engine } from '../engine/engine.ts'
import { DockerIpfsError } from '../errors.ts'
import { familiarName, fullName } from '../image/name.ts'

interface CheckOptions {
  readonly engine: Pick<Engine, 'inspect'>
  readonly signal: AbortSignal
}

/**
 * What is published is found by its name, so an ID is refused before it is saved.
 * @throws USAGE
 */
export async function checkNames(words: readonly string[], { engine, signal }: CheckOptions): Promise<void> {
  for (const word of words) {
    const image = await engine.inspect(word, signal)
    // What is not there is for the save to tell.
    if (image === undefined || image.names.includes(familiarName(fullName(word) ?? ''))) continue
    const [name] = image.names
    throw new DockerIpfsError('USAGE', `${word} is an ID: an image is published by its name`, {
      hint: name === undefined ? `Give it one: docker image tag ${word} NAME:TAG` : `Give its name: ${name}`,
    })
  }
}
