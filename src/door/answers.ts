import { get as httpGet } from 'node:http'
import { get as httpsGet } from 'node:https'
import { inTime } from '../time.ts'
import { addressOf } from './options.ts'
import type { DoorRecord } from './state-file.ts'

/** Time for an answer, in milliseconds. */
const ANSWER_MS = 3000

/** By this name we look whether a door answers: nobody wants that in its log. */
export const LOOKS = 'docker-ipfs'

/** Whether a registry answers where a front door listens; one that asks for a token does. */
export async function answers(
  record: Pick<DoorRecord, 'host' | 'port' | 'isTls'>,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const status = await inTime(ANSWER_MS, signal, (limited) => ask(record, limited))
    return status === 200 || status === 401
  } catch {
    signal.throwIfAborted()
    return false
  }
}

/** Not by `fetch`, which would send what is for this machine to the user's proxy. */
function ask(record: Pick<DoorRecord, 'host' | 'port' | 'isTls'>, signal: AbortSignal): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const url = `${record.isTls ? 'https' : 'http'}://${addressOf(record)}/v2/`
    // Nothing is told and nothing is believed but that it answers: whoever made its certificate may be unknown here.
    const options = {
      signal,
      agent: false,
      headers: { 'User-Agent': LOOKS },
      ...(record.isTls ? { rejectUnauthorized: false } : {}),
    } as const
    const request = (record.isTls ? httpsGet : httpGet)(url, options, (answer) => {
      resolve(answer.statusCode)
      answer.destroy()
    })
    request.on('error', reject)
  })
}
