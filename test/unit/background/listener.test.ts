import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { isHeldBy, listenerIn } from '../../../src/background/listener.ts'

const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'
/** 5301. */
const PORT = '14B5'

const row = (local: string, uid: number, state = '0A') =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000 ${String(uid).padStart(5)}        0 22`
const table = (...rows: string[]) => [HEAD, ...rows, ''].join('\n')
const users = () => ['tcp', 'tcp6'].map((name) => readFileSync(`/proc/net/${name}`, 'utf8'))

describe('who listens at a port', () => {
  test('is told by the system', () => {
    const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response() })
    expect(listenerIn(users(), server.port ?? 0)).toBe(process.getuid?.())
    void server.stop(true)
    expect(listenerIn(users(), server.port ?? 0)).toBeUndefined()
  })

  test.each(['0100007F', '00000000', '0000000000000000FFFF00000100007F', '0'.repeat(32)])(
    'is whoever listens at %s',
    (local) => expect(listenerIn([table(row(`${local}:${PORT}`, 1001))], 5301)).toBe(1001),
  )

  test('is first whoever listens at this very address', () => {
    const tables = [
      table(row(`00000000:${PORT}`, 1002), row(`0100007F:${PORT}`, 1001)),
      table(row(`${'0'.repeat(32)}:${PORT}`, 1003)),
    ]
    expect(listenerIn(tables, 5301)).toBe(1001)
  })

  test.each([
    ['at another port', row('0100007F:14B6', 1001)],
    ['at another address', row(`0200007F:${PORT}`, 1001)],
    ['at no port, but is connected to one', row(`0100007F:${PORT}`, 1001, '01')],
    ['nowhere, where the system tells nothing', ''],
  ])('is not who listens %s', (_, text) => expect(listenerIn([table(text)], 5301)).toBeUndefined())
})

test('a port that nobody listens at is held by nobody else', async () => {
  expect(await isHeldBy([], 'http://127.0.0.1:1')).toBe(true)
})
