import { type Bytes, collect } from '../streams.ts'
import { engineError } from './answers.ts'

/** What the engine's HTTP API answered. */
export interface Answer {
  readonly status: number
  readonly body: string
}

/** The largest answer that is read, in bytes. */
const MAX_ANSWER = 16 * 1024 * 1024

/**
 * A GET as it goes to the stdin of `docker system dial-stdio`, which connects it to the engine, wherever that is.
 * In HTTP/1.0 the answer comes in one piece and ends with the connection.
 */
export function request(path: string): string {
  return `GET ${path} HTTP/1.0\r\nHost: docker\r\n\r\n`
}

/** @throws ENGINE_FAILED when the stream is no HTTP answer */
export async function readAnswer(stream: Bytes): Promise<Answer> {
  const text = Buffer.from(await collect(stream, MAX_ANSWER, "the engine's answer")).toString('utf8')
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1]
  const end = text.indexOf('\r\n\r\n')
  if (status === undefined || end < 0)
    throw engineError("docker's connection to the engine gave no answer", new Error(text))
  return { status: Number(status), body: text.slice(end + 4) }
}
