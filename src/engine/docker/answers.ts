import { DockerIpfsError } from '../../errors.ts'
import { isObject, parsedObject } from '../../json.ts'
import type { Unpacked } from '../engine.ts'
import { answerError, unpackingError } from './words.ts'

export function textOf(output: unknown): string {
  return output instanceof Uint8Array ? Buffer.from(output).toString('utf8').trimEnd() : ''
}

export function parseObject(text: string): Record<string, unknown> {
  const value = parseJson(text)
  if (isObject(value)) return value
  throw unreadable(text)
}

/** @throws ENGINE_FAILED where it is no list of objects */
export function parseObjects(text: string): Record<string, unknown>[] {
  const value = parseJson(text)
  if (Array.isArray(value) && value.every(isObject)) return value
  throw unreadable(text)
}

/**
 * What a load says, a push or a pull: a JSON object a line, each with a piece of text or an error.
 * @throws what went wrong, which may come after the status of a success
 */
export function readLoaded(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const said = lines.map((line) => {
    const { stream, error } = parseObject(line)
    if (typeof error === 'string') throw answerError(error, new Error(text))
    return typeof stream === 'string' ? stream : ''
  })
  const all = said.join('').trimEnd()
  const failed = unpackingError(all)
  if (failed !== undefined) throw failed
  return all
}

/** Hears each line of bytes that come in pieces; one that is longer than any of ours is passed over. */
export function hearLines(hear: (line: string) => void): (bytes: Uint8Array) => void {
  let rest = ''
  return (bytes) => {
    const lines = (rest + Buffer.from(bytes).toString('latin1')).split('\n')
    rest = (lines.pop() ?? '').slice(0, MAX_LINE)
    for (const line of lines) hear(line)
  }
}

const MAX_LINE = 64 * 1024

/**
 * From a line of the answer to a load or a pull, in the HTTP chunks that it comes in: how much of a layer is unpacked, in bytes of
 * the file that was sent (28.5, zstd). Containerd stores say nothing of a load (26.1, 28.5), and of a pull how many seconds it has taken.
 */
export function readUnpacked(line: string, tell: Unpacked): void {
  if (!/^{"status":"(?:Loading layer|Extracting)"/.test(line)) return
  const { id, progressDetail } = parsedObject(line.trim()) ?? {}
  const { current, units } = isObject(progressDetail) ? progressDetail : {}
  if (typeof id === 'string' && typeof current === 'number' && units === undefined) tell(id, current)
}

function unreadable(text: string): DockerIpfsError {
  return new DockerIpfsError('ENGINE_FAILED', 'docker gave an answer that cannot be read', { cause: new Error(text) })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw unreadable(text)
  }
}

export function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

/** From the API's description of an image: whether the store has all of it; undefined when it does not say. */
export function isAvailable(image: unknown): boolean | undefined {
  if (!isObject(image) || !Array.isArray(image['Manifests'])) return undefined
  const entry: unknown = image['Manifests'].find((one: unknown) => isObject(one) && one['ID'] === image['Id'])
  return isObject(entry) && typeof entry['Available'] === 'boolean' ? entry['Available'] : undefined
}

/** From the API's list of images: the IDs of those that the store has all of. */
export function readWhole(text: string): Set<string> {
  const images = parseJson(text)
  const whole = (Array.isArray(images) ? images : []).filter((image: unknown) => isAvailable(image) === true)
  return new Set(whole.map((image: Record<string, unknown>) => String(image['Id'])))
}
