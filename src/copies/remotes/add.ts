import { resolve } from 'node:path'
import { DockerIpfsError, hasCode, messageOf } from '../../errors.ts'
import type { Report } from '../../events.ts'
import { isLoopback } from '../../store/loopback.ts'
import { PLACE_KINDS, type PlaceKind } from '../../store/places.ts'
import { isRemoteName, LOCAL, type Remote, type Remotes } from './remotes.ts'

export interface AddOptions {
  readonly remotes: Remotes
  readonly report: Report
  readonly signal: AbortSignal
  /** Undefined: whatever answers there. */
  readonly kind: PlaceKind | undefined
  /** In place of one of that name. */
  readonly force: boolean
  readonly authFile: string | undefined
  readonly ca: string | undefined
  /** For a cluster. */
  readonly replication: number | undefined
  readonly isUntrusted: boolean
}

/**
 * Writes a remote down, once it is asked what it is. One that does not answer now is written down all the same where its kind is said.
 * @throws BAD_FLAG, USAGE, FILE_FAILED; PLACE_* and NODE_* where it answers, and does not let us in
 */
export async function addRemote(name: string, url: string, options: AddOptions): Promise<Remote> {
  const { remotes, report, force, isUntrusted, replication } = options
  checkName(name)
  checkAddress(url)
  if (!force && (await remotes.all()).some((remote) => remote.name === name)) {
    throw new DockerIpfsError('USAGE', `there is a remote "${name}" already`, {
      hint: '--force puts this in its place.',
    })
  }
  const [authFile, ca] = [options.authFile, options.ca].map((path) => (path === undefined ? undefined : resolve(path)))
  const plain = {
    name,
    url: url.replace(/\/+$/, ''),
    ...(authFile === undefined ? {} : { authFile }),
    ...(ca === undefined ? {} : { ca }),
    ...(replication === undefined ? {} : { replication }),
    ...(isUntrusted ? { isUntrusted } : {}),
  }
  const remote = options.kind === undefined ? await findKind(plain, options) : { ...plain, kind: options.kind }
  if (replication !== undefined && remote.kind !== 'cluster') {
    throw new DockerIpfsError('BAD_FLAG', `--replication is for clusters, and ${name} is none`)
  }
  if (options.kind !== undefined) await ask(remote, options)
  if (/^http:/.test(url) && authFile !== undefined && !isLoopback(url)) {
    report({ type: 'warning', text: `whoever is on the way to ${url} can read the secret: it is not https` })
  }
  await remotes.put(remote)
  return remote
}

function checkName(name: string): void {
  if (isRemoteName(name)) return
  const why = name === LOCAL ? 'that is your own node' : 'it has up to 32 of a-z, 0-9 and -'
  throw new DockerIpfsError('BAD_FLAG', `"${name}" is no name for a remote: ${why}`)
}

/** A secret in an address would be in the list of processes, and in the file. */
function checkAddress(url: string): void {
  const read = URL.parse(url)
  const isSecret = read !== null && (read.username !== '' || read.password !== '' || read.search !== '')
  if (!isSecret && !/@/.test(url)) return
  throw new DockerIpfsError('BAD_FLAG', 'a password or key is not to be part of the address', {
    hint: 'Write it into a file of yours, as basic:USER:PASSWORD or bearer:TOKEN, and name that: --auth-file FILE',
  })
}

async function ask(remote: Remote, { remotes, report, signal }: AddOptions): Promise<void> {
  try {
    const place = await remotes.open(remote)
    report({ type: 'step', text: `${remote.name} is ${await place.check(signal)}` })
  } catch (error) {
    if (signal.aborted || !hasCode(error, 'PLACE_UNREACHABLE', 'NODE_UNREACHABLE')) throw error
    report({ type: 'warning', text: messageOf(error) })
  }
}

/** What answers in the words of its kind. Of those that do not, the first error that says more than that is thrown. */
async function findKind(plain: Omit<Remote, 'kind'>, { remotes, report, signal }: AddOptions): Promise<Remote> {
  const errors: unknown[] = []
  const kinds = /^https?:/.test(plain.url) ? PLACE_KINDS : (['kubo'] as const)
  for (const kind of kinds) {
    try {
      const place = await remotes.open({ ...plain, kind })
      report({ type: 'step', text: `${plain.name} is ${await place.check(signal)}` })
      return { ...plain, kind }
    } catch (error) {
      if (signal.aborted || hasCode(error, 'BAD_FLAG', 'FILE_FAILED')) throw error
      errors.push(error)
    }
  }
  throw new DockerIpfsError('PLACE_FAILED', `cannot tell what is at ${plain.url}: ${messageOf(errors[0])}`, {
    cause: new Error(errors.map(messageOf).join('; ')),
    hint: `Check the address, or say what it is: --kind ${PLACE_KINDS.join('|')}`,
  })
}
