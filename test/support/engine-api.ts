import { afterAll, afterEach } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDocker } from '../../src/engine/docker/command.ts'
import { createEngine } from '../../src/engine/docker/engine.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { listen } from './relay.ts'

/** What an engine answers. A body that is no text is JSON. */
export interface Reply {
  /** 200 unless it is said. */
  readonly status?: number
  readonly body: unknown
}

/** What an engine was asked: `GET /info`. */
export interface Question {
  readonly line: string
  readonly body: string
}

export interface EngineApi {
  readonly asked: readonly Question[]
  /** How often somebody has connected. */
  readonly connections: () => number
  close(): void
}

export type Replies = Readonly<Record<string, Reply | readonly Reply[]>>

/**
 * The HTTP API of an engine at a Unix socket, of recorded answers: by what is asked for, each in its turn, and the last one from
 * then on. What has none it answers as an engine answers what it does not know.
 */
export async function serveEngine(path: string, replies: Replies): Promise<EngineApi> {
  const asked: Question[] = []
  let connections = 0
  const server = createServer(async (request, response) => {
    const line = `${request.method} ${request.url}`
    const body = await textOf(request)
    const times = asked.filter((question) => question.line === line).length
    asked.push({ line, body })
    const all = [replies[line] ?? { status: 404, body: { message: 'page not found' } }].flat()
    const reply = all[Math.min(times, all.length - 1)] as Reply
    const text = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body)
    response.writeHead(reply.status ?? 200, { 'Content-Type': 'application/json' }).end(text)
  })
  server.on('connection', () => {
    connections += 1
  })
  await listen(server, { path })
  return {
    asked,
    connections: () => connections,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const bytes of request) text += bytes
  return text
}

/** Engines of recorded answers, for the tests of a file: one at a time. */
export function useEngine() {
  const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-engine-'))
  const path = join(folder, 'engine.sock')
  let api: EngineApi | undefined
  afterEach(() => api?.close())
  afterAll(() => rmSync(folder, { recursive: true }))
  return {
    async with(replies: Replies): Promise<Engine> {
      api = await serveEngine(path, replies)
      // Whatever would go over docker fails.
      const options = { docker: 'false', globals: ['--host', `unix://${path}`], env: {}, configFile: '' }
      return createEngine(createDocker(options), options)
    },
    questions: () => api?.asked ?? [],
    asked: () => (api?.asked ?? []).map(({ line }) => line),
    connections: () => api?.connections(),
  }
}

/** The answer of a containerd store that is changed while it looks. */
export const CHANGED: Reply = { status: 500, body: { message: 'data changed during operation, retry' } }

/** An ID in the path of a question. */
export function inPath(id: string): string {
  return id.replace(':', '%3A')
}
