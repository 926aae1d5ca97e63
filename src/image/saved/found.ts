import { posix } from 'node:path'
import { DockerIpfsError } from '../../errors.ts'
import { sha256 } from '../../streams.ts'
import { type Config, readConfig } from '../documents.ts'
import { type Platform, platformOf } from '../platform.ts'

/** The image of one platform, as the documents of an archive name it. */
export interface FoundPlatform {
  readonly platform: Platform
  readonly configBytes: Uint8Array
  readonly config: Config
  /** Where its layers lie in the archive, bottom first. */
  readonly layers: readonly FoundLayer[]
}

export interface FoundLayer {
  readonly path: string
  /** The archive may lack it, since it is to be had from elsewhere: base layers of Windows. */
  readonly foreign: boolean
}

/** An image of an archive: one platform or several, each with another manifest. */
export interface FoundImage {
  readonly platforms: readonly FoundPlatform[]
  /** Names as the archive writes them. */
  readonly names: readonly string[]
  /** The digest by which a containerd store calls it; undefined where only docker's manifest.json is there. */
  readonly id: string | undefined
  /** Platforms that its index names and the archive does not have. */
  readonly missing: readonly string[]
  /** Why not all of it can be had, where manifest.json names a platform that is missing. */
  readonly lacking?: DockerIpfsError
}

/** Finds a document of the archive by path, through links. */
export type FindDocument = (path: string) => Uint8Array | undefined

/** Hears of what is strange about an archive, and taken all the same. */
export type Warn = (text: string) => void

export const CODE = 'ARCHIVE_INVALID'

export function foundPlatform(configBytes: Uint8Array, layers: readonly FoundLayer[]): FoundPlatform {
  const config = readConfig(configBytes, { what: 'the image config', code: CODE })
  const { os, architecture, variant } = config
  return { platform: platformOf(os, architecture, variant), configBytes, config, layers }
}

/** A config's name is its digest, `<hex>.json` before engine 25 and `blobs/sha256/<hex>` since; other tools have others. */
export function checkName(path: string, bytes: Uint8Array, what: string): void {
  const hex = posix.basename(path, '.json').replace(/^sha256:/, '')
  const digest = sha256(bytes)
  if (!/^[0-9a-f]{64}$/.test(hex) || digest === `sha256:${hex}`) return
  throw new DockerIpfsError('INTEGRITY', `${what} has digest ${digest}, but is named ${hex}`)
}

export function invalid(why: string, cause?: Error): DockerIpfsError {
  return new DockerIpfsError(CODE, `the image archive is incomplete: ${why}`, { cause })
}

export function foreignLayer(path: string): DockerIpfsError {
  return new DockerIpfsError(CODE, `the archive does not hold the foreign layer ${path}`, {
    hint: 'Such layers stay with their publisher. Save the image from an engine that has pulled it.',
  })
}
