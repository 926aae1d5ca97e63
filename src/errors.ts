/**
 * The one error class of docker-ipfs. Adapters wrap what they get with a code, use cases let it pass,
 * `cli/exit.ts` alone turns it into words and an exit code.
 */
export type ErrorCode =
  | 'USAGE' // unknown command, missing argument
  | 'BAD_FLAG' // unknown flag or a flag value that cannot be read
  | 'REFERENCE_INVALID' // the text is no CID, ipfs:// address or image name
  | 'ENGINE_UNREACHABLE' // the Docker engine does not answer
  | 'ENGINE_FAILED' // the engine answered, with an error
  | 'ENGINE_FULL' // the engine's disk is full
  | 'NODE_UNREACHABLE' // the Kubo node does not answer, or went away
  | 'NODE_FAILED' // the node answered, with an error
  | 'NODE_DENIED' // the node does not allow a call, or does not let us in
  | 'IMAGE_NOT_FOUND' // the engine has no such image
  | 'PLATFORM_NOT_FOUND' // the image is there, but not for this platform
  | 'CONTENT_NOT_FOUND' // no node gave the content within the time limit
  | 'NOT_AN_IMAGE' // the CID exists and is no docker-ipfs image
  | 'PUBLICATION_INVALID' // what a name leads to is no catalogue that docker ipfs reads
  | 'PUBLICATION_OLDER' // a name has gone back to a publication before the one that was pulled last
  | 'ARCHIVE_INVALID' // an image archive is incomplete or cannot be read
  | 'FILE_FAILED' // a file that the user named cannot be read or written
  | 'CATALOGUE_STALE' // the node's catalogue promised something that is not so; the work is done again without it
  | 'INTEGRITY' // bytes do not match their digest
  | 'UNHEALTHY' // the doctor found something that commands fail of
  | 'NOT_ANNOUNCED' // all is saved, but the network was not told
  | 'REGISTRY_FAILED' // the front door does not start, stop or answer
  | 'PLACE_NOT_FOUND' // there is no remote of that name
  | 'PLACE_UNREACHABLE' // a cluster or a pinning service does not answer
  | 'PLACE_FAILED' // a place for copies answered, with an error
  | 'COPIES_MISSING' // an image is not at all places where it is to be
  | 'CANCELLED' // Ctrl-C, SIGTERM, or docker closed the plugin socket

export interface ErrorDetails {
  /** What the user can do next, one sentence. */
  readonly hint?: string
  readonly cause?: unknown
  /** For CANCELLED: the number of the signal (2 for SIGINT, 15 for SIGTERM). */
  readonly signal?: number
}

/** An error that users may meet. `code` is stable; `message` says what failed and why, in one line. */
export class DockerIpfsError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly signal: number | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.name
    this.code = code
    this.hint = details.hint
    this.signal = details.signal
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Whether something that was thrown is an error of ours with one of these codes. */
export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): error is DockerIpfsError {
  return error instanceof DockerIpfsError && codes.includes(error.code)
}
