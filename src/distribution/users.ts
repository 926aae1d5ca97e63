import { readFile } from 'node:fs/promises'
import { isIPv4 } from 'node:net'
import { endianness } from 'node:os'
import { portInTables, tcpSockets } from '../background/listener.ts'
import type { Connection } from './options.ts'

/**
 * Whose connection it is.
 * - a number: the ID of the user who opened it, on this machine
 * - elsewhere: nobody in this network namespace opened it, such as somebody behind a proxy or in a container
 * - closed: whoever opened it has closed it, so that the machine does not say any more who it was
 */
export type Opener = number | 'elsewhere' | 'closed'

/**
 * Lets in connections of some users of this machine alone (Linux): others must not read or write through a port that every user reaches.
 * @param users IDs of those who may
 * @param elsewhere whether connections may that come from another network namespace, or another machine
 */
export function onlyUsers(users: readonly number[], elsewhere: boolean): (connection: Connection) => Promise<boolean> {
  return async (connection) => {
    const opener = await openerOf(connection)
    return opener === 'elsewhere' ? elsewhere : opener !== 'closed' && users.includes(opener)
  }
}

/** Looks up who opened a connection to us, in the machine's tables of TCP connections (proc_net_tcp.rst of the kernel). */
export async function openerOf(connection: Connection): Promise<Opener> {
  const first = await look(connection)
  if (first !== 'elsewhere') return first
  // The tables are not read in one instant. Where our end is still open when they are read again, theirs was there to be seen the first time.
  return look(connection)
}

/** The kernel walks all that it has for each table, which takes some 5 ms: mostly the first is enough. */
async function look(connection: Connection): Promise<Opener> {
  const ofIPv4 = await table('tcp')
  const opener = findOpener(ofIPv4, connection)
  return typeof opener === 'number' ? opener : findOpener(`${ofIPv4}\n${await table('tcp6')}`, connection)
}

function table(name: string): Promise<string> {
  return readFile(`/proc/self/net/${name}`, 'latin1').catch(() => '')
}

/** @param tables text of /proc/net/tcp and tcp6 */
export function findOpener(tables: string, { remoteAddress, remotePort, localAddress, localPort }: Connection): Opener {
  const [theirs, ours] = [endsOf(remoteAddress, remotePort), endsOf(localAddress, localPort)]
  let isOpen = false
  for (const { local, remote, state, user, inode } of tcpSockets(tables)) {
    if (theirs.includes(local) && ours.includes(remote)) {
      // A socket that its program has closed is said to be root's (uid 0) while the kernel ends the connection. So is what is left of it.
      return inode === '0' || !/^\d+$/.test(user ?? '') ? 'closed' : Number(user)
    }
    if (ours.includes(local) && theirs.includes(remote)) isOpen = state === ESTABLISHED
  }
  return isOpen ? 'elsewhere' : 'closed'
}

const ESTABLISHED = '01'

/** An address and a port as the tables write it: in both, since IPv4 may go through a socket of IPv6. */
function endsOf(address: string, port: number): readonly string[] {
  const at = portInTables(port)
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
  if (!isIPv4(plain)) return [`${inWords(bytesOfIPv6(plain))}:${at}`]
  const bytes = plain.split('.').map(Number)
  const mapped = [...Array<number>(10).fill(0), 255, 255, ...bytes]
  return [`${inWords(bytes)}:${at}`, `${inWords(mapped)}:${at}`]
}

/** Words of 32 bits, each in the order of the machine. */
function inWords(bytes: readonly number[]): string {
  const hex = bytes.map((byte) => byte.toString(16).toUpperCase().padStart(2, '0'))
  const words = Array.from({ length: hex.length / 4 }, (_, at) => hex.slice(at * 4, at * 4 + 4))
  return words.map((word) => (endianness() === 'LE' ? word.reverse() : word).join('')).join('')
}

function bytesOfIPv6(address: string): readonly number[] {
  const [head = '', tail] = address.split('::')
  const parts = (text: string) => (text === '' ? [] : text.split(':').map((part) => Number.parseInt(part, 16)))
  const [front, back] = [parts(head), parts(tail ?? '')]
  const gap = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length)
  return [...front, ...Array<number>(gap).fill(0), ...back].flatMap((part) => [(part >> 8) & 255, part & 255])
}
