import { chmod, chown, copyFile, mkdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DockerIpfsError, messageOf } from '../../errors.ts'
import type { Mirror } from './form.ts'
import { toolOf } from './tools.ts'

export interface MirrorOptions extends Mirror {
  readonly tool: string
  /** Where the settings are; undefined where the tool has them by itself. */
  readonly file: string | undefined
  /** Of the user; undefined for root. */
  readonly home: string | undefined
  /** Takes the mirror out, instead of in. */
  readonly removes: boolean
}

/** A change of a file; an empty text is no file. */
export interface MirrorPlan {
  readonly file: string
  readonly before: string
  readonly after: string
  /** What makes the tool read it. */
  readonly reload: string
}

/**
 * What is to be changed. Changes nothing.
 * @throws USAGE, FILE_FAILED where there is a file that cannot be read
 */
export async function planMirror({
  tool: name,
  file: said,
  home,
  removes,
  ...mirror
}: MirrorOptions): Promise<MirrorPlan> {
  const tool = toolOf(name, mirror)
  const file = said ?? tool.file(mirror.registry, home)
  const before = await readFile(file, 'utf8').catch((cause: unknown) => {
    if ((cause as { code?: unknown }).code === 'ENOENT') return ''
    throw fileFailed('read', file, cause)
  })
  try {
    const after = removes ? tool.form.remove(before, mirror) : tool.form.add(before, mirror)
    return { file, before, after, reload: tool.reload(after) }
  } catch (error) {
    if (!(error instanceof DockerIpfsError)) throw error
    throw new DockerIpfsError(error.code, error.message.replace('the file', file), {
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    })
  }
}

/** Lines that go, with `-`, and that come, with `+`. */
export function changesOf({ before, after }: MirrorPlan): string[] {
  const [old, now] = [before, after].map((text) => (text === '' ? [] : text.replace(/\n$/, '').split('\n')))
  return [
    ...missing(old ?? [], now ?? []).map((line) => `- ${line}`),
    ...missing(now ?? [], old ?? []).map((line) => `+ ${line}`),
  ]
}

/** Lines of one that the other has not, as often as it has them more. */
function missing(lines: readonly string[], others: readonly string[]): string[] {
  const left = [...others]
  return lines.filter((line) => {
    const at = left.indexOf(line)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}

/**
 * Makes the change, in one step, and keeps a copy of what was there. Gives the path of the copy.
 * @throws FILE_FAILED
 */
export async function writeMirror({ file: named, before, after }: MirrorPlan): Promise<string | undefined> {
  try {
    const file = await realpath(named).catch(() => named)
    const copy = before === '' ? undefined : `${file}.before-docker-ipfs`
    if (copy !== undefined) await copyFile(file, copy)
    if (after === '') await rm(file, { force: true })
    else await replaceWith(file, after)
    return copy
  } catch (cause) {
    throw fileFailed('write', named, cause)
  }
}

/** With owner and rights of what was there. */
async function replaceWith(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const old = await stat(file).catch(() => undefined)
  const made = `${file}.${crypto.randomUUID()}`
  try {
    await writeFile(made, text, { mode: 0o644 })
    if (old !== undefined) {
      await chown(made, old.uid, old.gid)
      await chmod(made, old.mode & 0o7777)
    }
    await rename(made, file)
  } finally {
    await rm(made, { force: true })
  }
}

function fileFailed(what: 'read' | 'write', file: string, cause: unknown): DockerIpfsError {
  const { code } = cause as { code?: unknown }
  const isDenied = code === 'EACCES' || code === 'EPERM'
  return new DockerIpfsError('FILE_FAILED', `cannot ${what} ${file}: ${messageOf(cause)}`, {
    cause,
    ...(isDenied ? { hint: 'Run it as root, or name another file with --file.' } : {}),
  })
}
