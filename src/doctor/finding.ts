import { DockerIpfsError, messageOf } from '../errors.ts'

/** `warn`: it works, but not all of it, or not for long. `fail`: commands fail of it. */
export type State = 'ok' | 'warn' | 'fail'

/** What one look found. */
export interface Finding {
  readonly part: 'engine' | 'node' | 'plugin' | 'config' | 'registry' | 'remote'
  /** What was looked at, in one or two words. */
  readonly check: string
  readonly state: State
  readonly found: string
  /** The one thing to do; empty where nothing need be done. */
  readonly todo: string
}

type CheckPlace = Pick<Finding, 'part' | 'check'>

export function ok(place: CheckPlace, found: string): Finding {
  return { ...place, state: 'ok', found, todo: '' }
}

export function warn(place: CheckPlace, found: string, todo: string): Finding {
  return { ...place, state: 'warn', found, todo }
}

export function fail(place: CheckPlace, found: string, todo: string): Finding {
  return { ...place, state: 'fail', found, todo }
}

/** An error that a command would end with, as a finding. Anything else is a bug, or the user's Ctrl-C, and goes on. */
export function failure(place: CheckPlace, error: unknown, signal: AbortSignal): Finding {
  if (signal.aborted || !(error instanceof DockerIpfsError)) throw error
  return fail(place, messageOf(error), error.hint ?? '')
}

/** Bytes left on a disk below which it counts as full, and as nearly full. */
export const FULL = 100e6
export const NEARLY_FULL = 1e9

export interface Sizes {
  /** Bytes for people. */
  readonly format: (bytes: number) => string
}
