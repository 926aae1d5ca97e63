import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { getuid } from 'node:process'
import { DockerIpfsError, messageOf } from '../errors.ts'

/** What the system has against writing in the node's folder, in words; other errors stay as they are. */
export function folderError(folder: string, error: unknown): unknown {
  if (!(error instanceof Error && 'syscall' in error) || /spawn/.test(`${error.syscall}`)) return error
  return new DockerIpfsError(
    'FILE_FAILED',
    `the IPFS node of docker-ipfs cannot write its folder: ${messageOf(error)}`,
    {
      hint: `Its place is ${folder}; XDG_DATA_HOME names another folder for it.`,
      cause: error,
    },
  )
}

/**
 * sudo may leave the user's HOME to root: the user could neither end a node that root starts there, nor use its files.
 * @throws USAGE
 */
export async function checkOwner(folder: string, env: Readonly<Record<string, string | undefined>>): Promise<void> {
  const user = Number(env['SUDO_UID'] ?? 0)
  if (user === 0 || getuid?.() !== 0) return
  // Above one that is not there yet.
  const owner = (await stat(folder).catch(() => undefined))?.uid
  if (owner === undefined && folder !== dirname(folder)) return checkOwner(dirname(folder), env)
  if (owner !== user) return
  throw new DockerIpfsError('USAGE', `sudo runs this as root, and ${folder} is of the user who called sudo`, {
    hint: 'Leave sudo out, or use "sudo -H": then root has a node of its own.',
  })
}
