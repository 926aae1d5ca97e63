import type { ProgressEvent } from '../../../src/events.ts'
import type { MemoryNode } from './node.ts'

/** What a use case is given on a node in memory, and what it has told. Nothing waits long for what nobody has. */
export function useCase(node: MemoryNode, timeoutMs = 100) {
  const warnings: string[] = []
  const steps: string[] = []
  const report = (event: ProgressEvent) => {
    if (event.type === 'warning') warnings.push(event.text)
    if (event.type === 'step') steps.push(event.text)
  }
  return { ...node.ports, signal: new AbortController().signal, timeoutMs, report, warnings, steps }
}
