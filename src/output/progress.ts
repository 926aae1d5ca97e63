import { jsonProgress, type Progress, type ProgressStream, plainProgress, quietProgress } from './progress-lines.ts'

/** The values of `--progress`. `auto` is `tty` on a terminal and `plain` elsewhere. */
export const PROGRESS_MODES = ['auto', 'tty', 'plain', 'json', 'quiet'] as const
export type ProgressMode = (typeof PROGRESS_MODES)[number]

/**
 * Renders progress on `stream`. `tty` on a stream that is no terminal, or a dumb one, becomes `plain`:
 * bars would be garbage in a log.
 */
export async function createProgress(
  mode: ProgressMode,
  stream: ProgressStream & NodeJS.WritableStream,
  options: { readonly dumb?: boolean } = {},
): Promise<Progress> {
  if (mode === 'quiet') return quietProgress()
  if (mode === 'json') return jsonProgress(stream)
  if (mode === 'plain' || stream.isTTY !== true || options.dumb === true) return plainProgress(stream)
  // Loaded here only: the package costs start-up time that plain and quiet runs need not pay.
  const { barsProgress } = await import('./progress-bars.ts')
  return barsProgress(stream)
}
