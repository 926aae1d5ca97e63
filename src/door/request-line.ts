import type { RequestEntry } from '../distribution/options.ts'
import { formatBytes } from '../units.ts'

/** A request in one line for people. @param time ISO 8601 */
export function requestLine(entry: RequestEntry, time = new Date().toISOString()): string {
  const { method, path, status, bytes, received, milliseconds, agent, root, error } = entry
  const sizes = [
    ...(received > 0 ? [`${formatBytes(received)} in`] : []),
    ...(bytes > 0 || received === 0 ? [`${formatBytes(bytes)} out`] : []),
  ]
  const facts = [...sizes, `${Math.round(milliseconds)} ms`, ...(root === undefined ? [] : [root])]
  const words = [time, method, path, status === 0 ? 'gone' : status, facts.join(', ')]
  const who = agent === '' ? '' : ` (${agent.split(' ')[0]})`
  return `${words.join(' ')}${who}${error === undefined ? '' : `: ${oneLine(error)}`}`
}

/** The same for machines. */
export function requestJson(entry: RequestEntry, time = new Date().toISOString()): string {
  return JSON.stringify({ time, ...entry })
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ')
}
