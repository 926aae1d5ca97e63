import type { ProgressEvent } from '../../../src/events.ts'
import type { MemoryNode } from './node.ts'

/** What a use case is given on a node in memory, with the warnings that it tells. Nothing waits long for what nobody has. */
export function useCase(node: MemoryNode, timeoutMs = 100) {
  const events: ProgressEvent[] = []
  return {
    ...node.ports,
    signal: new AbortController().signal,
    timeoutMs,
    report: (event: ProgressEvent) => void events.push(event),
    events,
    get warnings() {
      return events.flatMap((event) => (event.type === 'warning' ? [event.text] : []))
    },
    get steps() {
      return events.flatMap((event) => (event.type === 'step' ? [event.text] : []))
    },
  }
}
