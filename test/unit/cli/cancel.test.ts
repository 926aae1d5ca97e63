import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CancelCounter, watchForCancel } from '../../../src/cli/cancel.ts'

function counter() {
  const exits: number[] = []
  const clock = { now: 0 }
  return {
    exits,
    clock,
    cancel: new CancelCounter(
      (code) => exits.push(code),
      () => clock.now,
    ),
  }
}

describe('counting', () => {
  test('the first signal aborts, with its number', () => {
    const { cancel } = counter()
    cancel.onSignal(15)
    expect(cancel.signal.reason).toMatchObject({ code: 'CANCELLED', signal: 15 })
  })

  test('the third signal ends the process the hard way', () => {
    const { cancel, exits } = counter()
    cancel.onSignal(2)
    cancel.onSignal(2)
    expect(exits).toEqual([])
    cancel.onSignal(2)
    expect(exits).toEqual([130])
  })

  test.each([['socket first'], ['signal first']])(
    'Ctrl-C and the end of the socket at one moment are one: %s',
    (order) => {
      const { cancel, exits, clock } = counter()
      if (order === 'socket first') {
        cancel.onEndOfSocket()
        clock.now += 3
        cancel.onSignal(2)
      } else {
        cancel.onSignal(2)
        clock.now += 3
        cancel.onEndOfSocket()
      }
      expect(cancel.signal.reason).toMatchObject({ code: 'CANCELLED', signal: 2 })
      clock.now += 1000
      cancel.onSignal(2)
      expect(exits).toEqual([])
      cancel.onSignal(2)
      expect(exits).toEqual([130])
    },
  )

  test('a signal long after the end of the socket is one of its own', () => {
    const { cancel, exits, clock } = counter()
    cancel.onEndOfSocket()
    clock.now += 1000
    cancel.onSignal(2)
    cancel.onSignal(2)
    expect(exits).toEqual([130])
  })
})

describe('the plugin socket', () => {
  async function serving(address: string, body: (server: ReturnType<typeof createServer>) => Promise<void>) {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen({ path: address.replace(/^@/, '\0') }, resolve))
    try {
      await body(server)
    } finally {
      server.close()
    }
  }

  const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-socket-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const addresses = process.platform === 'linux' ? [`@docker_cli_test_${process.pid}`] : []

  test.each([...addresses, join(folder, 'socket')])('its end aborts: %s', async (address) => {
    await serving(address, async (server) => {
      server.on('connection', (socket) => socket.end())
      const cancellation = watchForCancel(address)
      await new Promise((resolve) => cancellation.signal.addEventListener('abort', resolve))
      expect(cancellation.signal.reason).toMatchObject({ code: 'CANCELLED', signal: 2 })
      cancellation.close()
    })
  })

  test('that is not there is no harm', async () => {
    const cancellation = watchForCancel('@docker_cli_no_such_socket')
    await Bun.sleep(50)
    expect(cancellation.signal.aborted).toBe(false)
    cancellation.close()
  })

  test('signal handlers are taken off again', () => {
    const before = process.listenerCount('SIGINT')
    const cancellation = watchForCancel(undefined)
    expect(process.listenerCount('SIGINT')).toBe(before + 1)
    cancellation.close()
    expect(process.listenerCount('SIGINT')).toBe(before)
  })
})
