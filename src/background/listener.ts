import { createServer } from 'node:net'
import { readText } from './files.ts'

/** Local addresses, as /proc/net has them, that take calls to 127.0.0.1: the first one that somebody listens at gets them. */
const TAKES = ['0100007F', '00000000', '0000000000000000FFFF00000100007F', '0'.repeat(32)]

/** Of a socket that listens. */
const LISTENS = '0A'

/** A row of the kernel's tables of TCP sockets, as it is written there. */
export interface TcpSocket {
  readonly local: string
  readonly remote: string
  readonly state: string | undefined
  /** Number of the user. */
  readonly user: string | undefined
  readonly inode: string | undefined
}

/**
 * @param table text of /proc/net/tcp or tcp6
 * Source: https://docs.kernel.org/networking/proc_net_tcp.html
 */
export function* tcpSockets(table: string): Generator<TcpSocket> {
  for (const line of table.split('\n')) {
    // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode …
    const [, local = '', remote = '', state, , , , user, , inode] = line.trim().split(/\s+/)
    yield { local, remote, state, user, inode }
  }
}

/** A port as the tables write it. */
export function portInTables(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0')
}

/**
 * The user, by number, who gets what is sent to a port of 127.0.0.1; undefined where nobody does.
 * @param tables /proc/net/tcp and tcp6
 */
export function listenerIn(tables: readonly string[], port: number): number | undefined {
  const end = `:${portInTables(port)}`
  const found = tables
    .flatMap((table) => [...tcpSockets(table)])
    .filter(({ local, state }) => state === LISTENS && local.endsWith(end))
    .map(({ local, user }) => ({ rank: TAKES.indexOf(local.slice(0, -end.length)), user: Number(user) }))
    .filter(({ rank }) => rank !== -1)
    .sort((a, b) => a.rank - b.rank)
  return found[0]?.user
}

/** What /proc/self/uid_map has where numbers of users are those of the machine. In other namespaces they may be nobody's. */
const ALL_USERS = /^\s*0\s+0\s+4294967295\s*$/

/** Whether one of these users gets what is sent to a URL's port, as far as the system tells. Root may be anybody anyway. */
export async function isHeldBy(users: readonly number[], url: string): Promise<boolean> {
  if (!ALL_USERS.test(await readText('/proc/self/uid_map'))) return true
  const user = await listenerAt(Number(new URL(url).port))
  return user === undefined || user === 0 || users.includes(user)
}

/** The user, by number, who gets what is sent to a port of this machine; undefined where nobody does, or the system does not tell. */
export async function listenerAt(port: number): Promise<number | undefined> {
  return listenerIn(await Promise.all(['tcp', 'tcp6'].map((name) => readText(`/proc/net/${name}`))), port)
}

/** Whether nobody listens at a port of an address. */
export function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, host, () => server.close(() => resolve(true)))
  })
}
