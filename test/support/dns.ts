import { createSocket } from 'node:dgram'
import { script } from './real.ts'

export interface Dns {
  /** Its address for Kubo's `DNS.Resolvers`, which takes DNS over HTTP alone. */
  readonly url: string
  close(): Promise<void>
}

/**
 * A DNS server on loopback that knows these TXT records and nobody to ask, and in front of it what takes queries over HTTP
 * (RFC 8484) and passes them on as they are.
 */
export async function startDns(records: Readonly<Record<string, string>>): Promise<Dns> {
  const dnsmasq = (await script('dnsmasq')).trim()
  const port = await freePort()
  const server = Bun.spawn(
    [
      dnsmasq,
      '--keep-in-foreground',
      '--conf-file=/dev/null',
      '--pid-file=',
      '--user=root',
      '--no-resolv',
      '--no-hosts',
      '--listen-address=127.0.0.1',
      '--bind-interfaces',
      `--port=${port}`,
      ...Object.entries(records).map(([name, text]) => `--txt-record=${name},${text}`),
    ],
    { stdin: 'ignore', stdout: 'ignore', stderr: 'inherit' },
  )
  const front = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const answer = await ask(port, new Uint8Array(await request.arrayBuffer()))
      return new Response(answer, { headers: { 'content-type': 'application/dns-message' } })
    },
  })
  return {
    url: `http://127.0.0.1:${front.port}/dns-query`,
    async close() {
      await front.stop(true)
      server.kill()
      await server.exited
    },
  }
}

/** Sends a query and waits for its answer; again where the server was not there yet. */
async function ask(port: number, query: Uint8Array): Promise<ArrayBuffer> {
  const socket = createSocket('udp4')
  const again = setInterval(() => socket.send(query, port, '127.0.0.1'), 200)
  try {
    return await new Promise((resolve, reject) => {
      socket.on('message', (answer) => resolve(Uint8Array.from(answer).buffer))
      socket.on('error', reject)
      socket.send(query, port, '127.0.0.1')
    })
  } finally {
    clearInterval(again)
    socket.close()
  }
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  const port = await new Promise<number>((resolve) => {
    socket.bind(0, '127.0.0.1', () => resolve(socket.address().port))
  })
  socket.close()
  return port
}
