import { afterEach, expect, test } from 'bun:test'
import type { Socket } from 'node:net'
import type { Connection } from '../../../src/distribution/options.ts'
import { findOpener, onlyUsers, openerOf } from '../../../src/distribution/users.ts'
import { MemoryRegistry } from '../../support/memory/registry.ts'
import { answerTo, head, plainSocket, type Serving, serving, until } from '../../support/serving.ts'

let served: Serving | undefined
afterEach(() => served?.close())

const HEADER = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'
const row = (local: string, remote: string, state: string, uid: number, inode: number) =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 ${inode} 1 0 20 4 30 10 -1`

const connection: Connection = {
  remoteAddress: '127.0.0.1',
  remotePort: 0xc000,
  localAddress: '127.0.0.1',
  localPort: 5300,
}
const [THEIRS, OURS] = ['0100007F:C000', '0100007F:14B4']
const ours = row(OURS, THEIRS, '01', 0, 77)

test('a connection is that of the user whose socket is at its other end', () => {
  expect(findOpener([HEADER, ours, row(THEIRS, OURS, '01', 1000, 78)].join('\n'), connection)).toBe(1000)
  expect(findOpener([HEADER, row(THEIRS, OURS, '01', 0, 78), ours].join('\n'), connection)).toBe(0)
})

test('IPv4 through a socket of IPv6 is found too, from either side', () => {
  const mapped = (address: string) => `0000000000000000FFFF0000${address}`
  const line = row(mapped(THEIRS), mapped(OURS), '01', 1000, 78)
  expect(findOpener([HEADER, ours, line].join('\n'), connection)).toBe(1000)
  const through = { ...connection, remoteAddress: '::ffff:127.0.0.1', localAddress: '::ffff:127.0.0.1' }
  expect(findOpener(row(THEIRS, OURS, '01', 1000, 78), through)).toBe(1000)
})

test('IPv6 is found', () => {
  const [theirs, here] = ['00000000000000000000000001000000:C000', '00000000000000000000000001000000:14B4']
  const line = row(theirs, here, '01', 1000, 78)
  expect(findOpener(line, { ...connection, remoteAddress: '::1', localAddress: '::1' })).toBe(1000)
})

test('a connection to another port, or from another, is not taken for it', () => {
  const others = [row(THEIRS, '0100007F:14B5', '01', 1000, 78), row('0100007F:C001', OURS, '01', 1000, 79)]
  expect(findOpener([HEADER, ours, ...others].join('\n'), connection)).toBe('elsewhere')
})

test('what its program has closed is nobody’s, though the machine says root', () => {
  expect(findOpener([HEADER, ours, row(THEIRS, OURS, '05', 0, 0)].join('\n'), connection)).toBe('closed')
  expect(findOpener([HEADER, row(THEIRS, OURS, '06', 0, 0)].join('\n'), connection)).toBe('closed')
})

test('where our own end is not open either, it is closed and not elsewhere', () => {
  expect(findOpener(HEADER, connection)).toBe('closed')
  expect(findOpener([HEADER, row(OURS, THEIRS, '08', 0, 77)].join('\n'), connection)).toBe('closed')
  expect(findOpener('', connection)).toBe('closed')
})

test('the kernel says whose connection it is, and says no more once it is closed', async () => {
  const connections: Connection[] = []
  served = await serving(new MemoryRegistry(), {
    mayAsk: (from) => {
      connections.push(from)
      return true
    },
  })
  const socket = await plainSocket(served.port)
  socket.write(`GET /v2/ HTTP/1.1\r\nHost: 127.0.0.1:${served.port}\r\n\r\n`)
  await served.logged(1)
  expect(await openerOf(connections[0] as Connection)).toBe(process.getuid?.() as number)
  await closed(socket)
  expect(await openerOf(connections[0] as Connection)).toBe('closed')
})

test('who may not is told so, and nothing is done', async () => {
  const registry = new MemoryRegistry()
  const digest = registry.addBlob('a', Buffer.from('x'))
  served = await serving(registry, { mayAsk: onlyUsers([4_000_000], true) })
  const answer = await fetch(`${served.url}/v2/a/blobs/${digest}`, { method: 'DELETE' })
  expect(answer.status).toBe(403)
  expect(await answer.json()).toMatchObject({ errors: [{ code: 'DENIED' }] })
  expect(registry.has('a', digest)).toBe(true)
})

test('who may is let in', async () => {
  served = await serving(new MemoryRegistry(), { mayAsk: onlyUsers([process.getuid?.() as number], false) })
  expect((await fetch(`${served.url}/v2/`)).status).toBe(200)
})

test('a request whose sender has gone before it could be looked at is not done', async () => {
  const registry = new MemoryRegistry()
  const digest = registry.addBlob('a', Buffer.from('x'))
  // The look-up comes only when the client has closed its end: then the machine calls its socket root's.
  let socket: Socket | undefined
  const asks = onlyUsers([0, process.getuid?.() as number], true)
  served = await serving(registry, {
    mayAsk: async (from) => {
      await closed(socket as Socket)
      return asks(from)
    },
  })
  socket = await plainSocket(served.port)
  socket.write(head(served.port, `DELETE /v2/a/blobs/${digest}`))
  await served.logged(1)
  expect(served.entries[0]).toMatchObject({ method: 'DELETE', status: 0, error: 'The client is gone' })
  expect(registry.has('a', digest)).toBe(true)
})

test('each connection is looked at once', async () => {
  let looked = 0
  served = await serving(new MemoryRegistry(), {
    mayAsk: () => {
      looked += 1
      return true
    },
  })
  const first = `GET /v2/ HTTP/1.1\r\nHost: 127.0.0.1:${served.port}\r\n\r\n`
  const answers = await answerTo(served.port, first + head(served.port, 'GET /v2/'))
  expect(answers.match(/HTTP\/1.1 200/g)).toHaveLength(2)
  expect(looked).toBe(1)
  await answerTo(served.port, head(served.port, 'GET /v2/'))
  expect(looked).toBe(2)
})

async function closed(socket: Socket): Promise<void> {
  socket.destroy()
  await until(() => socket.closed)
}
