import type { Command } from '../command.ts'
import type { CommandGroup } from '../help.ts'
import { copies } from './copies/copies.ts'
import { keep } from './copies/keep.ts'
import { remoteAdd, remoteLs, remoteRm } from './copies/remote.ts'
import { doctor } from './doctor.ts'
import { diff } from './inspect/diff.ts'
import { du } from './inspect/du.ts'
import { history } from './inspect/history.ts'
import { inspect } from './inspect/inspect.ts'
import { verify } from './inspect/verify.ts'
import { keyGen, keyLs, keyRename, keyRm } from './key.ts'
import { load } from './load.ts'
import { ls } from './ls.ts'
import { nodeLogs } from './node/logs.ts'
import { nodeRestart } from './node/restart.ts'
import { nodeRm } from './node/rm.ts'
import { nodeStart } from './node/start.ts'
import { nodeStatus } from './node/status.ts'
import { nodeStop } from './node/stop.ts'
import { prune } from './prune.ts'
import { publish } from './publish.ts'
import { published } from './published.ts'
import { pull } from './pull.ts'
import { push } from './push.ts'
import { registryLogs } from './registry/logs.ts'
import { mirror } from './registry/mirror.ts'
import { registryRestart } from './registry/restart.ts'
import { registryRun } from './registry/run.ts'
import { registryStart } from './registry/start.ts'
import { registryStatus } from './registry/status.ts'
import { registryStop } from './registry/stop.ts'
import { resolve } from './resolve.ts'
import { rm } from './rm.ts'
import { run } from './run/run.ts'
import { save } from './save.ts'
import { tag } from './tag.ts'
import { version } from './version.ts'

/** In the order of their names, as docker lists them. A command of a group has two words: `node start`. */
export const COMMANDS: readonly Command[] = [
  copies,
  diff,
  doctor,
  du,
  history,
  inspect,
  keep,
  keyGen,
  keyLs,
  keyRename,
  keyRm,
  load,
  ls,
  mirror,
  nodeLogs,
  nodeRestart,
  nodeRm,
  nodeStart,
  nodeStatus,
  nodeStop,
  prune,
  publish,
  published,
  pull,
  push,
  registryLogs,
  registryRestart,
  registryRun,
  registryStart,
  registryStatus,
  registryStop,
  remoteAdd,
  remoteLs,
  remoteRm,
  resolve,
  rm,
  run,
  save,
  tag,
  verify,
  version,
]

/** Groups of commands, in the order of their names. */
export const GROUPS: readonly CommandGroup[] = [
  { name: 'key', summary: 'Keys that images are published under' },
  { name: 'node', summary: 'Manage the IPFS node that docker-ipfs runs by itself' },
  { name: 'registry', summary: 'Serve the images on IPFS as a registry of this machine' },
  { name: 'remote', summary: 'Other places where images are kept' },
]
