import { afterAll, beforeAll } from 'bun:test'
import { createServer, type Server } from 'node:net'
import { listen } from './relay.ts'

/** Files of tests run at a time, and those that use the ports of a managed node would take them from each other: one at a time has them. */
export function useOwnPorts(): void {
  let held: Server | undefined
  beforeAll(async () => {
    while (held === undefined) {
      const server = createServer()
      await listen(server, { path: '\0docker-ipfs-tests-ports' }).then(
        () => {
          held = server
        },
        () => Bun.sleep(50),
      )
    }
  }, 300_000)
  afterAll(() => void held?.close())
}
