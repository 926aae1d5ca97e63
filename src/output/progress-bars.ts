import { MultiBar, type Params, type SingleBar } from 'cli-progress'
import type { ProgressEvent } from '../events.ts'
import { formatBytes, shortDigest } from '../units.ts'
import { type Progress, type ProgressStream, plainLine } from './progress-lines.ts'

const BAR_CHARS = 50

/**
 * A bar for each layer being worked on, as `docker pull` shows them. A finished layer's line is written above the bars
 * and stays, so only what is under way is redrawn, and an image of more layers than the terminal has rows looks right.
 */
export function barsProgress(stream: ProgressStream & NodeJS.WritableStream): Progress {
  const active = new Map<string, SingleBar>()
  const multi = new MultiBar({
    stream,
    format: (_options, params, payload: BarPayload) => barLine(params, payload),
    clearOnComplete: true,
    // Each redraw starts on a cleared screen below the cursor, see `print`.
    forceRedraw: true,
    // These keep the terminal as it is, so that even a killed process leaves nothing to restore.
    hideCursor: false,
    linewrap: true,
    gracefulExit: false,
  })

  const print = (line: string, finished?: SingleBar) => {
    multi.stop()
    if (finished !== undefined) {
      multi.remove(finished)
      multi.stop()
    }
    stream.write(`${line}\n`)
    if (active.size > 0) multi.update()
  }

  return {
    report(event) {
      if (event.type === 'layer-start') return start(event)
      if (event.type === 'layer-progress') return active.get(event.layer)?.update(event.bytesDone)
      const line = plainLine(event)
      if (line === undefined) return
      const bar = event.type === 'layer-done' ? active.get(event.layer) : undefined
      if (event.type === 'layer-done') active.delete(event.layer)
      print(line, bar)
    },
    clear() {
      if (active.size === 0) return
      for (const bar of active.values()) multi.remove(bar)
      active.clear()
      multi.stop()
    },
  }

  function start(event: Extract<ProgressEvent, { type: 'layer-start' }>): void {
    // More bars than rows cannot be redrawn in place; such a layer shows only its last line. Some terminals say 0 rows.
    if (active.has(event.layer) || active.size >= (stream.rows || 24) - 2) return
    const payload: BarPayload = { layer: event.layer, bytesTotal: event.bytesTotal }
    active.set(event.layer, multi.create(event.bytesTotal ?? 0, 0, payload))
  }
}

interface BarPayload {
  readonly layer: string
  readonly bytesTotal: number | undefined
}

/** `73bc5939a32e: [=====>     ]  1.985MB/3.97MB`, made to fit; without the bar where the size is not known. */
export function barLine(params: Pick<Params, 'value' | 'maxWidth'>, payload: BarPayload): string {
  const id = shortDigest(payload.layer)
  if (payload.bytesTotal === undefined) return `${id}: ${formatBytes(params.value)}`
  const amount = `${formatBytes(params.value)}/${formatBytes(payload.bytesTotal)}`
  // id, ": [", "]  ", the amount at its longest, and the last column, which some terminals wrap on.
  const room = Math.min(BAR_CHARS, params.maxWidth - id.length - 6 - 15 - 1)
  if (room < 5) return `${id}: ${amount}`.slice(0, params.maxWidth - 1)
  const share = payload.bytesTotal === 0 ? 1 : Math.min(1, params.value / payload.bytesTotal)
  const filled = Math.floor(share * room)
  const bar = filled >= room ? '='.repeat(room) : `${'='.repeat(filled)}>${' '.repeat(room - filled - 1)}`
  return `${id}: [${bar}]  ${amount}`
}
