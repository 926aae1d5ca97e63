import { createSocket } from 'node:dgram'
import { freePort } from './relay.ts'
import { script } from './scripts.ts'

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
  const { server, port } = await startServer(records)
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

type Server = ReturnType<typeof Bun.spawn>

/** Starts the server on a port that is free; once it answers, it has it, over UDP and TCP. */
async function startServer(records: Readonly<Record<string, string>>): Promise<{ server: Server; port: number }> {
  const dnsmasq = (await script('dnsmasq')).trim()
  for (let tries = 0; tries < 10; tries += 1) {
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
    // Somebody else may have taken the port meanwhile; the server ends then.
    const ended = new AbortController()
    void server.exited.then(() => ended.abort())
    try {
      await ask(port, queryOf(Object.keys(records)[0] ?? ''), ended.signal)
      return { server, port }
    } catch (error) {
      if (!ended.signal.aborted) throw error
    }
  }
  throw new Error('the DNS server does not start')
}

/** A query for the TXT record of a name (RFC 1035, 4.1). */
function queryOf(name: string): Uint8Array {
  const labels = name.split('.').map((label) => [label.length, ...new TextEncoder().encode(label)])
  return new Uint8Array([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels.flat(), 0, 0, 16, 0, 1])
}

/** Sends a query and waits for its answer; again where the server was not there yet. */
async function ask(port: number, query: Uint8Array, signal?: AbortSignal): Promise<ArrayBuffer> {
  const socket = createSocket('udp4')
  const again = setInterval(() => socket.send(query, port, '127.0.0.1'), 200)
  try {
    return await new Promise((resolve, reject) => {
      socket.on('message', (answer) => resolve(Uint8Array.from(answer).buffer))
      socket.on('error', reject)
      signal?.addEventListener('abort', reject)
      socket.send(query, port, '127.0.0.1')
    })
  } finally {
    clearInterval(again)
    socket.close()
  }
}
