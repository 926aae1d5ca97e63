import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { listen } from './relay.ts'
import { newPeerId, serveRpc } from './rpc-server.ts'

/**
 * An `ipfs` of tests: `init` makes a repository, `daemon` has its lock, listens where its config says and answers as Kubo does.
 * Its environment may say that it fails: SAYS_AT_INIT and SAYS_AT_START are its last words, WAITS_FOR names a file before which it
 * does not listen, SAYS_VERSION is its answer to `version`, IS_DEAF lets it go on after SIGTERM, and IS_OLD makes it one before
 * 0.25.
 */
export function installIpfs(folder: string): string {
  const path = join(folder, 'ipfs')
  writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${import.meta.path}' "$@"\n`, { mode: 0o755 })
  return path
}

/** How it was started, as it writes it into its repository. */
export interface Started {
  readonly pid: number
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
}

export const STARTED = 'started.json'

if (import.meta.main) await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<void> {
  const [repo = '', command] = [args[0]?.replace('--repo-dir=', ''), args[1]]
  if (command === 'init') init(repo)
  else if (command === 'version') console.log(process.env['SAYS_VERSION'] ?? '0.43.0')
  else await daemon(repo, args)
}

function init(repo: string): void {
  end(process.env['SAYS_AT_INIT'])
  if (existsSync(join(repo, 'config'))) end('ipfs configuration file already exists!')
  mkdirSync(repo, { recursive: true })
  const config = {
    Identity: { PeerID: newPeerId() },
    Addresses: { API: '/ip4/127.0.0.1/tcp/5001' },
    Bootstrap: ['auto'],
  }
  writeFileSync(join(repo, 'config'), JSON.stringify(config))
}

async function daemon(repo: string, args: readonly string[]): Promise<void> {
  console.log('Initializing daemon...')
  const port = /tcp\/\d+/.exec(JSON.parse(readFileSync(join(repo, 'config'), 'utf8')).Addresses.API)?.[0] ?? ''
  end(process.env['SAYS_AT_START']?.replace('tcp/PORT', port))
  await lock(repo)
  const { Identity, Addresses, API } = JSON.parse(readFileSync(join(repo, 'config'), 'utf8'))
  const hasKey = existsSync(join(repo, 'swarm.key'))
  if (hasKey) console.log('Swarm is limited to private network of peers with the swarm key')
  else if (process.env['LIBP2P_FORCE_PNET'] === '1') end('privnet: private network was not configured but is enforced')
  const started: Started = { pid: process.pid, args, cwd: process.cwd(), env: process.env }
  writeFileSync(join(repo, `${STARTED}.new`), JSON.stringify(started))
  renameSync(join(repo, `${STARTED}.new`), join(repo, STARTED))
  const goOn = process.env['WAITS_FOR']
  while (goOn !== undefined && !existsSync(goOn)) await Bun.sleep(5)
  const entry = process.env['IS_OLD'] ? undefined : API?.Authorizations?.['docker-ipfs']
  const server = open('serveHTTPApi', Addresses.API, (port) =>
    serveRpc({ id: Identity.PeerID, secret: entry?.AuthSecret }, port),
  )
  // As Kubo does: its API answers before.
  await Bun.sleep(20)
  const gateway = open('serveHTTPGateway', Addresses.Gateway, (port) => {
    const listening = Bun.serve({ hostname: '127.0.0.1', port, fetch: () => new Response('', { status: 404 }) })
    return { close: () => void listening.stop(true) }
  })
  process.on('SIGTERM', () => {
    console.log('Received interrupt signal, shutting down...')
    if (process.env['IS_DEAF']) return
    server?.close()
    gateway?.close()
    rmSync(join(repo, 'api'))
    process.exit()
  })
  writeFileSync(join(repo, 'api'), Addresses.API)
  console.log('Daemon is ready')
}

function open<T>(what: string, address: string, listen: (port: number) => T): T | undefined {
  try {
    return listen(Number(address.split('/').at(-1)))
  } catch {
    return end(`${what}: manet.Listen(${address}) failed: bind: address already in use`)
  }
}

/** One that ends with its process, however that ends. */
async function lock(repo: string): Promise<void> {
  const name = createHash('sha256').update(repo).digest('hex')
  await listen(createServer(), { path: `\0${name}` }).catch(() =>
    end(`lock ${repo}/repo.lock: someone else has the lock`),
  )
}

/** As Kubo ends when something is wrong. */
function end(words: string | undefined): undefined {
  if (words === undefined) return
  console.error(`Error: ${words}`)
  process.exit(1)
}
