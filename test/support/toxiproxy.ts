import { join } from 'node:path'
import { freePort } from './relay.ts'

/** What happens on a way. Times in milliseconds, rates in kilobytes (1000) a second; each in one direction. */
export interface Trouble {
  readonly latency?: number
  readonly rate?: number
}

/** A way to a port of this machine that is slow, breaks or is shut on purpose. */
export interface Way {
  readonly port: number
  /** From now on, in both directions. */
  trouble(trouble: Trouble): Promise<void>
  /** No more trouble. */
  calm(): Promise<void>
  /** Breaks what is open with a reset, and lets nobody in. */
  shut(): Promise<void>
  open(): Promise<void>
  /** Bytes that passed so far: from whoever calls, and back. */
  bytes(): Promise<{ readonly upload: number; readonly download: number }>
}

/** A running toxiproxy (`scripts/toxiproxy`). `folder`: where its programs are. */
export class Toxiproxy {
  readonly #server: Bun.Subprocess
  readonly #control: number

  private constructor(server: Bun.Subprocess, control: number) {
    this.#server = server
    this.#control = control
  }

  static async start(folder: string): Promise<Toxiproxy> {
    const control = await freePort()
    const server = Bun.spawn([join(folder, 'toxiproxy-server'), '-port', `${control}`, '-proxy-metrics'], {
      stdout: 'ignore',
      stderr: 'ignore',
    })
    const toxiproxy = new Toxiproxy(server, control)
    for (let tries = 0; tries < 100; tries += 1) {
      if (await toxiproxy.#ask('version').catch(() => undefined)) return toxiproxy
      await Bun.sleep(100)
    }
    server.kill()
    throw new Error('toxiproxy does not start')
  }

  async way(name: string, to: number): Promise<Way> {
    const port = await freePort()
    const set = (enabled: boolean) => this.#ask(`proxies/${name}`, { enabled })
    await this.#ask('proxies', {
      name,
      listen: `127.0.0.1:${port}`,
      upstream: `127.0.0.1:${to}`,
      enabled: true,
    })
    return {
      port,
      trouble: async ({ latency, rate }) => {
        for (const stream of ['upstream', 'downstream']) {
          if (rate !== undefined) await this.#toxic(name, { type: 'bandwidth', stream, attributes: { rate } })
          if (latency !== undefined) await this.#toxic(name, { type: 'latency', stream, attributes: { latency } })
        }
      },
      calm: async () => {
        for (const toxic of JSON.parse(await this.#ask(`proxies/${name}/toxics`)) as { name: string }[]) {
          await this.#ask(`proxies/${name}/toxics/${toxic.name}`, undefined, 'DELETE')
        }
      },
      shut: async () => void (await set(false)),
      open: async () => void (await set(true)),
      bytes: async () => {
        const text = await this.#ask('metrics')
        const count = (direction: string) =>
          [...text.matchAll(/^toxiproxy_proxy_received_bytes_total\{(.*)\} (\S+)$/gm)]
            .filter(
              ([, labels = '']) => labels.includes(`direction="${direction}"`) && labels.includes(`proxy="${name}"`),
            )
            .reduce((sum, [, , value]) => sum + Number(value), 0)
        return { upload: count('upstream'), download: count('downstream') }
      },
    }
  }

  async stop(): Promise<void> {
    this.#server.kill()
    await this.#server.exited
  }

  #toxic(name: string, toxic: object): Promise<string> {
    return this.#ask(`proxies/${name}/toxics`, toxic)
  }

  async #ask(path: string, body?: object, method = body === undefined ? 'GET' : 'POST'): Promise<string> {
    const init = { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }
    const answer = await fetch(`http://127.0.0.1:${this.#control}/${path}`, init)
    if (!answer.ok) throw new Error(`toxiproxy: ${await answer.text()}`)
    return answer.text()
  }
}
