import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { parseCid } from '../../../../../src/dag/cid.ts'
import { createClient } from '../../../../../src/store/kubo/client.ts'
import type { Endpoint } from '../../../../../src/store/kubo/endpoint.ts'
import { Mfs } from '../../../../../src/store/kubo/mfs/mfs.ts'
import { AnsweringNode, kuboError } from '../../../../support/answering-node.ts'
import { GOLDEN_ROOTS } from '../../../../support/images.ts'

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

describe('our folder in MFS', () => {
  const kubo = new AnsweringNode()
  beforeEach(() => kubo.reset())
  afterAll(() => kubo.close())
  const open = new AbortController().signal
  const folder = () => new Mfs(createClient(kubo.endpoint), kubo.endpoint)
  const stat = () =>
    Response.json({ Hash: GOLDEN_ROOTS.tiny, Size: 0, CumulativeSize: 9, Blocks: 1, Type: 'directory' })

  test('need not be there where only something was to be taken away', async () => {
    kubo.says['files/rm'] = () => new Response()
    kubo.says['files/flush'] = () => kuboError('file does not exist')
    const mfs = folder()
    await mfs.remove('a', open)
    await mfs.sync(open)
    expect(kubo.asked.filter((call) => call.startsWith('files/flush'))).toHaveLength(1)
    await mfs.sync(open)
    expect(kubo.asked.filter((call) => call.startsWith('files/flush'))).toHaveLength(1)
  })

  test('must be there where something was put', async () => {
    kubo.says['files/cp'] = () => new Response()
    kubo.says['files/flush'] = () => kuboError('file does not exist')
    const mfs = folder()
    await mfs.link('a', parseCid(GOLDEN_ROOTS.tiny), open)
    await expect(mfs.sync(open)).rejects.toMatchObject({ code: 'NODE_FAILED' })
  })

  test('is not waited for where a folder on the way is lost: Kubo would look for that elsewhere', async () => {
    const waits = () => new Promise<Response>(() => undefined)
    Object.assign(kubo.says, { 'files/stat': stat, 'dag/resolve': waits, cat: waits })
    kubo.says['block/stat'] = () => kuboError('block was not found locally (offline): ipld: could not find')
    const mfs = folder()
    expect(await mfs.find('a/b', open)).toBeUndefined()
    expect(await mfs.read('a', 10, open)).toBeUndefined()
    expect(await mfs.read('a/b', 10, open)).toBeUndefined()
    expect(await mfs.entries('a/b', open)).toBeUndefined()
    // Of each folder once.
    expect(kubo.asked.filter((call) => call.startsWith('block/stat'))).toHaveLength(1)
  })

  test('is asked on where nothing says whether a folder is lost', async () => {
    kubo.says['files/stat'] = stat
    kubo.says['block/stat'] = () => new Response('403 - Access denied', { status: 403 })
    kubo.says['dag/resolve'] = () => Response.json({ Cid: { '/': GOLDEN_ROOTS.tiny }, RemPath: '' })
    expect((await folder().find('a/b', open))?.dagSize).toBe(9)
  })

  test('is waited for only so long where the node does not write it down', async () => {
    kubo.says['files/rm'] = () => new Response()
    kubo.says['files/flush'] = () => new Promise(() => undefined)
    const mfs = new Mfs(createClient(kubo.endpoint), kubo.endpoint, 50)
    await mfs.remove('a', open)
    await expect(mfs.sync(open)).rejects.toMatchObject({
      code: 'NODE_FAILED',
      message: `the IPFS node at ${kubo.endpoint.url} does not write its folders down`,
      hint: 'Its disk may be full, or have been: free space there, restart the node, and run the command again.',
    })
    // Another try would take as long.
    await expect(mfs.sync(open)).rejects.toMatchObject({ code: 'NODE_FAILED' })
    expect(kubo.asked.filter((call) => call.startsWith('files/flush'))).toHaveLength(1)
  })

  test('is not waited for any more by who was cancelled', async () => {
    kubo.says['files/rm'] = () => new Response()
    kubo.says['files/flush'] = () => new Promise(() => undefined)
    const mfs = folder()
    await mfs.remove('a', open)
    const reason = new Error('cancelled')
    await expect(mfs.sync(AbortSignal.abort(reason))).rejects.toBe(reason)
  })

  test('is not taken for empty where the disk of the node is full', async () => {
    const full = { code: 'NODE_FAILED', message: 'the disk of the IPFS node is full' }
    kubo.says['files/stat'] = () => kuboError('open /repo/blocks/put-1: no space left on device')
    await expect(folder().find('', open)).rejects.toMatchObject(full)
    await expect(folder().entries('images', open)).rejects.toMatchObject(full)
    await expect(folder().readAll('records', open)).rejects.toMatchObject(full)
    kubo.says['files/stat'] = stat
    kubo.says['ls'] = () => kuboError('write: disk quota exceeded')
    await expect(folder().entries('', open)).rejects.toMatchObject(full)
    kubo.says['ls'] = () => kuboError('block was not found locally')
    expect(await folder().entries('', open)).toBeUndefined()
  })

  test('is looked at once, until something is synced', async () => {
    kubo.says['files/stat'] = stat
    const mfs = folder()
    await Promise.all([mfs.find('', open), mfs.find('', open), mfs.top(open)])
    expect(kubo.asked).toHaveLength(2)
  })

  test.each([
    ['write /repo/blocks/.temp/temp-1: no space left on device', 'the disk of the IPFS node is full'],
    ['open /repo/blocks/x: permission denied', 'the IPFS node answered: open /repo/blocks/x: permission denied'],
    ['leveldb: closed', 'the IPFS node was stopped meanwhile'],
  ])('is not empty where the node cannot look: %s', async (said, message) => {
    for (const call of ['files/stat', 'ls', 'dag/resolve']) {
      kubo.says['files/stat'] = stat
      kubo.says['ls'] = kubo.says['dag/resolve'] = () => Response.json({ Objects: [], Cid: { '/': GOLDEN_ROOTS.tiny } })
      kubo.says[call] = () => kuboError(said)
      await expect(folder().entries('images/docker.io', open)).rejects.toThrow(message)
    }
  })

  test('is not there where the node says so, or has lost a block of it', async () => {
    for (const said of ['file does not exist', 'block was not found locally (offline): ipld: could not find QmX']) {
      kubo.says['files/stat'] = () => kuboError(said)
      expect(await folder().entries('', open)).toBeUndefined()
    }
  })

  test('is looked at again by who comes after one that was stopped', async () => {
    kubo.says['files/stat'] = stat
    const mfs = folder()
    const reason = new Error('stopped')
    await expect(mfs.find('', AbortSignal.abort(reason))).rejects.toBe(reason)
    expect((await mfs.find('', open))?.dagSize).toBe(9)
  })
})
