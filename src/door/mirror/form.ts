import { DockerIpfsError, messageOf } from '../../errors.ts'

/** What is asked before a registry. */
export interface Mirror {
  /** Host of the registry, such as docker.io. */
  readonly registry: string
  /** Where the front door is: `127.0.0.1:5300`. */
  readonly address: string
}

/** How settings are written. An empty text is a file that is not there, before as well as after. */
export interface Form {
  /**
   * The text with the mirror in front of all others; the same text where it has it.
   * @throws FILE_FAILED for what cannot be read: nothing of it is to be lost
   */
  add(text: string, mirror: Mirror): string
  /** The text without it. @throws FILE_FAILED */
  remove(text: string, mirror: Mirror): string
}

/** A text as `read` has it. @throws FILE_FAILED */
export function readWith<T>(read: (text: string) => T, text: string, what: string): T {
  try {
    return read(text)
  } catch (cause) {
    throw unreadable(what, messageOf(cause), cause)
  }
}

export function unreadable(what: string, why: string, cause?: unknown): DockerIpfsError {
  return new DockerIpfsError('FILE_FAILED', `the file is no ${what} that can be changed: ${why}`, {
    cause,
    hint: 'Mend it, or add by hand what is printed without --write for another --file.',
  })
}
