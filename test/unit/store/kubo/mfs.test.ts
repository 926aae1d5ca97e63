import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { parseCid } from '../../../../src/dag/cid.ts'
import { createClient } from '../../../../src/store/kubo/client.ts'
import type { Endpoint } from '../../../../src/store/kubo/endpoint.ts'
import { Mfs } from '../../../../src/store/kubo/mfs.ts'
import { GOLDEN_ROOTS } from '../../../support/images.ts'

/** What a node says to each `files/cp`, the first one first; nothing: that it is done. */
let words: string[] = []
let asked = 0
const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: () => {
    asked += 1
    const said = words.shift()
    return said === undefined
      ? new Response()
      : Response.json({ Message: said, Code: 0, Type: 'error' }, { status: 500 })
  },
})
afterAll(() => server.stop(true))
beforeEach(() => {
  asked = 0
})

const endpoint: Endpoint = { url: `http://127.0.0.1:${server.port}`, source: '--api' }
const link = () =>
  new Mfs(createClient(endpoint), endpoint).link('a/b', parseCid(GOLDEN_ROOTS.tiny), new AbortController().signal)

/** Kubo 0.43, when another process changes the folder between its making and its use. */
const INTERRUPTED = 'cp: cannot put node in path /docker-ipfs/a/b: file does not exist'

describe('a link that the node puts into MFS', () => {
  test('is put again where another change came between', async () => {
    words = [INTERRUPTED, INTERRUPTED]
    expect(await link()).toBe(true)
    expect(asked).toBe(3)
  })

  test('is given up when that goes on', async () => {
    words = Array.from({ length: 9 }, () => INTERRUPTED)
    await expect(link()).rejects.toMatchObject({ code: 'NODE_FAILED' })
    expect(asked).toBe(4)
  })

  test('is left as it is where something is there already, and other failures are told', async () => {
    words = ['cp: cannot put node in path /docker-ipfs/a/b: directory already has entry by that name']
    expect(await link()).toBe(false)
    words = ['cp: cannot get node from path /ipfs/x: file does not exist']
    await expect(link()).rejects.toMatchObject({ code: 'NODE_FAILED' })
    expect(asked).toBe(2)
  })
})
