import { MultiBar, type Params, type SingleBar } from 'cli-progress'
import type { ProgressEvent } from '../events.ts'
import { formatBytes, formatDuration, formatRate, LONG_MS } from '../units.ts'
import { labelOf, type Progress, type ProgressStream, plainLine } from './progress-lines.ts'

const BAR_CHARS = 50

const CLEAR_ROW = '\x1b[2K'

/**
 * A bar for each layer being worked on, as `docker pull` shows them. A finished layer's line is written above the bars
 * and stays, so only what is under way is redrawn, and an image of more layers than the terminal has rows looks right.
 */
export function barsProgress(
  stream: ProgressStream & NodeJS.WritableStream,
  now: () => number = () => Date.now(),
): Progress {
  const active = new Map<string, Shown>()
  const { multi, stop } = createBars(stream, now)

  const take = (finished: SingleBar) => {
    stop()
    multi.remove(finished)
    multi.stop()
  }
  const print = (line: string, finished?: SingleBar) => {
    if (finished === undefined) stop()
    else take(finished)
    stream.write(`${line}\n`)
    if (active.size > 0) multi.update()
  }

  return {
    report(event) {
      if (event.type === 'layer-start') return start(event)
      if (event.type === 'layer-progress') return show(event.layer, event.bytesDone, {})
      if (event.type === 'layer-waits') return show(event.layer, event.bytesDone, { doing: event.status, waits: true })
      const line = plainLine(event)
      if (line === undefined) return
      const shown = event.type === 'layer-done' ? active.get(event.layer) : undefined
      if (event.type === 'layer-done') active.delete(event.layer)
      print(line, shown?.bar)
    },
    clear() {
      if (active.size === 0) return
      for (const { bar } of active.values()) multi.remove(bar)
      active.clear()
      stop()
    },
  }

  function show(layer: string, bytesDone: number, change: Partial<BarPayload>): void {
    const shown = active.get(layer)
    if (shown === undefined) return
    const { payload, bar } = shown
    const isOver = change.waits || (payload.bytesTotal !== undefined && bytesDone >= payload.bytesTotal)
    Object.assign(payload, change, isOver ? { ended: payload.ended ?? now() } : {})
    bar.update(bytesDone)
  }

  function start({ layer, bytesTotal, doing }: Extract<ProgressEvent, { type: 'layer-start' }>): void {
    const payload: BarPayload = { layer, bytesTotal, doing, began: now() }
    const before = active.get(layer)
    if (before !== undefined) {
      Object.assign(before.payload, payload, { waits: false, ended: undefined })
      before.bar.setTotal(bytesTotal ?? 0)
      before.bar.update(0)
      return
    }
    // More bars than rows cannot be redrawn in place. Some terminals say 0 rows.
    if (active.size >= (stream.rows || 24) - 2 && !makeRoom()) return
    active.set(layer, { payload, bar: multi.create(bytesTotal ?? 0, 0, payload) })
  }

  /** In the place of a layer that only waits; where there is none, the next one shows only its last line. */
  function makeRoom(): boolean {
    const [layer, shown] = [...active].find(([, { payload }]) => payload.ended !== undefined) ?? []
    if (layer === undefined || shown === undefined) return false
    active.delete(layer)
    take(shown.bar)
    return true
  }
}

interface Shown {
  readonly bar: SingleBar
  /** The bar's own, so that what is changed here shows there. */
  readonly payload: BarPayload
}

/** The bars, and what takes them off the terminal. One that has become narrower has wrapped them: they are taken from all their rows. */
function createBars(
  stream: ProgressStream & NodeJS.WritableStream,
  now: () => number,
): { readonly multi: MultiBar; readonly stop: () => void } {
  /** Characters of the bars on the terminal, by layer. */
  const drawn = new Map<string, number>()
  const multi = new MultiBar({
    stream,
    format: (_options, params, payload: BarPayload) => {
      const line = barLine(params, payload, now())
      drawn.set(payload.layer, line.length)
      return line
    },
    clearOnComplete: true,
    // Each redraw starts on a cleared screen below the cursor, see `print`.
    forceRedraw: true,
    // These keep the terminal as it is, so that even a killed process leaves nothing to restore.
    hideCursor: false,
    linewrap: true,
    gracefulExit: false,
  })
  // The cursor goes up by the rows that wrapped bars take more.
  const unwrap = () => {
    // Who computes hears late of a new size.
    stream._refreshSize?.()
    stream.write(`${CLEAR_ROW}\x1b[1A`.repeat(wrappedRows([...drawn.values()], stream.columns)))
  }
  // On the uppermost row tmux keeps what is cleared to the end of the screen: so row by row.
  const wipe = () => {
    if (drawn.size === 0) return
    stream.write(Array(drawn.size).fill(CLEAR_ROW).join('\x1b[1B'))
    stream.write('\x1b[1A'.repeat(drawn.size - 1))
    drawn.clear()
  }
  multi.on('update-pre', unwrap).on('redraw-pre', () => drawn.clear())
  multi.on('stop-pre-clear', wipe)
  const stop = () => {
    unwrap()
    multi.stop()
  }
  return { multi, stop }
}

/** How many rows more than one each lines take in so many columns. */
export function wrappedRows(lengths: readonly number[], columns: number | undefined): number {
  if (!columns) return 0
  return lengths.reduce((rows, length) => rows + Math.max(1, Math.ceil(length / columns)) - 1, 0)
}

interface BarPayload {
  readonly layer: string
  readonly bytesTotal: number | undefined
  readonly doing?: string | undefined
  /** Nothing is done with it now; no bar any more. */
  readonly waits?: boolean
  /** In milliseconds, like the time at which the line is made; undefined where it has just begun. */
  readonly began?: number
  /** When all of it was done. */
  readonly ended?: number | undefined
}

/**
 * `73bc5939a32e: [=====>     ]  1.985MB/3.97MB`, made to fit; without the bar where the size is not known. What takes long has its rate
 * and time behind it: `  331kB/s 6s`.
 */
export function barLine(params: Pick<Params, 'value' | 'maxWidth'>, payload: BarPayload, now = 0): string {
  const { bytesTotal, doing, waits, began, ended } = payload
  const head = `${labelOf(payload.layer)}:${doing === undefined ? '' : ` ${doing}`}`
  const ms = (ended ?? now) - (began ?? now)
  const rate = params.value > 0 ? `${formatRate(params.value, ms)} ` : ''
  const time = ms < LONG_MS || waits ? '' : `  ${rate}${formatDuration(Math.floor(ms / 1000) * 1000)}`
  const fit = (line: string) => line.slice(0, Math.max(0, params.maxWidth - 1))
  if (bytesTotal === undefined || waits) {
    const gap = doing === undefined ? ' ' : '  '
    return fit(`${head}${params.value > 0 || doing === undefined ? `${gap}${formatBytes(params.value)}` : ''}${time}`)
  }
  const amount = `${formatBytes(params.value)}/${formatBytes(bytesTotal)}`
  // head, " [", "]  ", the amount and the time at their longest, and the last column, which some terminals wrap on.
  const room = Math.min(
    BAR_CHARS,
    params.maxWidth - head.length - 5 - 15 - (time === '' ? 0 : Math.max(19, time.length)) - 1,
  )
  if (room < 5) return fit(`${head} ${amount}${time}`)
  const share = bytesTotal === 0 ? 1 : Math.min(1, params.value / bytesTotal)
  const filled = Math.floor(share * room)
  const bar = filled >= room ? '='.repeat(room) : `${'='.repeat(filled)}>${' '.repeat(room - filled - 1)}`
  return `${head} [${bar}]  ${amount}${time}`
}
