import type { ProgressEvent, Report } from '../events.ts'
import { formatBytes, shortDigest } from '../units.ts'

/** What is needed of stderr. `columns` and `rows` are read at each use: terminals change size. */
export interface ProgressStream {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  /** Asks for both anew; Bun has it, as Node has, and neither tells of it. */
  _refreshSize?(): void
  write(text: string): unknown
}

export interface Progress {
  readonly report: Report
  /** Takes the bars off the terminal; call it before anything else is written there, and at the end. Repeatable. */
  readonly clear: () => void
}

/** Layers send many events a second; a JSON reader is told at most this often, per layer. */
const JSON_INTERVAL_MS = 200

/** Nothing. Errors are not progress; `cli/exit.ts` prints them in any mode. */
export function quietProgress(): Progress {
  return { report: () => {}, clear: () => {} }
}

/** A log that stands still for longer is told which layers went out, in milliseconds. */
const STILL_MS = 10_000

/** One line for each step, warning and finished layer; nothing in between, so that logs stay short. */
export function plainProgress(stream: Pick<ProgressStream, 'write'>, now: () => number = Date.now): Progress {
  let last = now()
  return {
    report(event) {
      if (event.type === 'layer-waits' && now() - last < STILL_MS) return
      const line = plainLine(event)
      if (line === undefined) return
      last = now()
      stream.write(`${line}\n`)
    },
    clear: () => {},
  }
}

/** The line that an event leaves behind, or undefined when it leaves none. */
export function plainLine(event: ProgressEvent): string | undefined {
  switch (event.type) {
    case 'step':
      return event.text
    case 'warning':
      return `WARNING: ${event.text}`
    case 'sources': {
      const { fromGateways, fromNetwork, onNode, inEngine } = event
      const places = [
        ['from gateways', fromGateways],
        ['from the network', fromNetwork],
        ['on the node', onNode],
      ] as const
      const known = places.flatMap(([where, bytes]) => (bytes === undefined ? [] : [`${where} ${formatBytes(bytes)}`]))
      return `${capitalised(known.join(', '))}; the engine had ${formatBytes(inEngine)}`
    }
    case 'layer-waits':
    case 'layer-done':
      return `${labelOf(event.layer)}: ${event.status}${event.bytesDone > 0 ? `  ${formatBytes(event.bytesDone)}` : ''}`
    case 'layer-start':
    case 'layer-progress':
      return undefined
  }
}

/** A layer is shown as docker shows it, by some digits; a place by its whole name. */
export function labelOf(layer: string): string {
  return layer.includes(':') ? shortDigest(layer) : layer
}

function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}

/** One JSON object a line, with the keys of `docker compose --progress json`. Sizes in bytes. */
export function jsonProgress(stream: Pick<ProgressStream, 'write'>, now: () => number = Date.now): Progress {
  const totals = new Map<string, number | undefined>()
  const doing = new Map<string, string>()
  const told = new Map<string, number>()
  const write = (object: Readonly<Record<string, string | number | undefined>>) => {
    stream.write(`${JSON.stringify(object)}\n`)
  }
  const working = (layer: string, current: number) => {
    const total = totals.get(layer)
    const percent = total === undefined || total === 0 ? undefined : Math.min(100, Math.floor((current * 100) / total))
    told.set(layer, now())
    write({ id: labelOf(layer), text: doing.get(layer) ?? 'Working', current, total, percent })
  }
  return {
    report(event) {
      switch (event.type) {
        case 'step':
          return write({ text: event.text })
        case 'warning':
          return write({ text: event.text, status: 'Warning' })
        case 'sources': {
          const { type: _, ...places } = event
          return write({ text: 'Sources', ...places })
        }
        case 'layer-start':
          totals.set(event.layer, event.bytesTotal)
          doing.set(event.layer, event.doing ?? 'Working')
          return working(event.layer, 0)
        case 'layer-progress':
          if (now() - (told.get(event.layer) ?? 0) >= JSON_INTERVAL_MS) working(event.layer, event.bytesDone)
          return
        case 'layer-waits':
          return write({
            id: labelOf(event.layer),
            text: event.status,
            current: event.bytesDone,
            total: totals.get(event.layer),
          })
        case 'layer-done':
          write({
            id: labelOf(event.layer),
            text: event.status,
            current: event.bytesDone,
            // What it was before may have been another size: of the layer unpacked.
            total: totals.get(event.layer) === undefined ? undefined : event.bytesDone,
            percent: 100,
          })
          doing.delete(event.layer)
          totals.delete(event.layer)
          told.delete(event.layer)
      }
    },
    clear: () => {},
  }
}
