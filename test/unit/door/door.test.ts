import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDoor, type Door, type DoorProgram } from '../../../src/door/door.ts'
import { collect } from '../../../src/streams.ts'
import { errorOf } from '../../support/error-of.ts'
import { listen } from '../../support/relay.ts'

const PROGRAM = join(import.meta.dir, '../../support/door-program.ts')
const never = new AbortController().signal

let folder = ''
let door: Door
const pids = new Set<number>()

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'docker-ipfs-door-')), 'registry')
  door = doorWith({})
})
afterEach(async () => {
  const { pid } = await door.status(never)
  for (const each of [...pids, ...(pid === undefined ? [] : [pid])]) {
    try {
      process.kill(each, 'SIGKILL')
    } catch {
      // It has ended.
    }
  }
  pids.clear()
  rmSync(join(folder, '..'), { recursive: true })
})

function doorWith(env: Readonly<Record<string, string>>, more: Partial<DoorProgram> = {}): Door {
  const all = { PATH: process.env['PATH'], FOLDER: folder, ...env }
  return createDoor({ program: process.execPath, globals: [PROGRAM], env: all, handed: {}, folder, ...more })
}

function log(): string {
  return readFileSync(join(folder, 'log'), 'utf8')
}

async function answerAt(address: string | undefined): Promise<number> {
  return (await fetch(`http://${address}/v2/`)).status
}

describe('a registry in the background', () => {
  test('is started, answers, is in a folder for its owner alone, and ends', async () => {
    expect(await door.status(never)).toEqual({ isRunning: false, log: join(folder, 'log') })
    const state = await door.start({ port: 0 }, never)
    expect(state).toMatchObject({ isRunning: true, answers: true, openTo: 'owner', isReadOnly: false, isTls: false })
    expect(state.address).toMatch(/^127\.0\.0\.1:\d+$/)
    expect(await answerAt(state.address)).toBe(200)
    expect(await door.status(never)).toEqual(state)
    for (const [path, mode] of [
      ['', 0o700],
      ['state.json', 0o600],
      ['log', 0o600],
    ] as const) {
      expect(statSync(join(folder, path)).mode & 0o777).toBe(mode)
    }
    expect(log()).toContain(`in: ${folder}\n`)
    expect(await door.stop(never)).toMatchObject({ isRunning: false, pid: state.pid })
    expect(existsSync(join(folder, 'state.json'))).toBe(false)
    expect((await door.status(never)).isRunning).toBe(false)
  })

  test('that runs is joined, and not with other options', async () => {
    const first = await door.start({ port: 0 }, never)
    expect(await door.start({}, never)).toEqual(first)
    expect(await door.start({ port: 0 }, never)).toEqual(first)
    expect(await errorOf(door.start({ port: 0, isOpen: true }, never))).toMatchObject({
      code: 'REGISTRY_FAILED',
      message: `the registry runs already at ${first.address}, with other options`,
    })
    expect(await errorOf(door.start({ api: 'http://elsewhere:5001' }, never))).toMatchObject({
      code: 'REGISTRY_FAILED',
    })
  })

  test('is one where two start it at once', async () => {
    const port = await freePort()
    const states = await Promise.all([doorWith({}).start({ port }, never), doorWith({}).start({ port }, never)])
    expect(new Set(states.map(({ pid }) => pid)).size).toBe(1)
    expect(await answerAt(states[0]?.address)).toBe(200)
  })

  test('is one where two start it at once on ports of their own', async () => {
    const [one, two] = await Promise.allSettled([
      doorWith({}).start({ port: 0 }, never),
      doorWith({}).start({ port: 0 }, never),
    ])
    const { pid } = await door.status(never)
    for (const each of [one, two]) expect(each).toMatchObject({ status: 'fulfilled', value: { pid } })
  })

  test('that is started again keeps port and options', async () => {
    const first = await door.start({ port: 0, isOpen: true }, never)
    const again = await door.restart(never)
    expect(again.pid).not.toBe(first.pid)
    expect(again).toMatchObject({ address: first.address, openTo: 'everybody' })
  })

  test('is started by a restart where none runs', async () => {
    const port = await freePort()
    const first = await door.start({ port }, never)
    process.kill(first.pid ?? 0, 'SIGKILL')
    while ((await door.status(never)).isRunning) await Bun.sleep(5)
    expect(await door.restart(never)).toMatchObject({ isRunning: true, address: `127.0.0.1:${port}` })
  })

  test('that was killed is none, and another takes its place', async () => {
    const first = await door.start({ port: 0 }, never)
    process.kill(first.pid ?? 0, 'SIGKILL')
    while ((await door.status(never)).isRunning) await Bun.sleep(5)
    expect(existsSync(join(folder, 'state.json'))).toBe(true)
    expect((await door.start({ port: 0 }, never)).pid).not.toBe(first.pid)
  })

  test('is not what another process has whose number is the same', async () => {
    const record = { pid: process.pid, host: '127.0.0.1', port: 1, isTls: false, startedAt: '', options: {} }
    await door.start({ port: 0 }, never)
    await door.stop(never)
    writeFileSync(join(folder, 'state.json'), JSON.stringify(record))
    expect((await door.status(never)).isRunning).toBe(false)
  })

  test.each(['', '{', '[]', '{"pid":"1"}', '{"pid":1,"port":2,"host":"h"}'])(
    'is none where its file says %p',
    async (text) => {
      await door.start({ port: 0 }, never)
      await door.stop(never)
      writeFileSync(join(folder, 'state.json'), text)
      expect((await door.status(never)).isRunning).toBe(false)
    },
  )

  test('cannot be stopped where there is none', async () => {
    expect(await errorOf(door.stop(never))).toMatchObject({
      code: 'REGISTRY_FAILED',
      message: 'no registry of docker-ipfs runs here',
      hint: 'Start one with "docker ipfs registry start".',
    })
    expect(await errorOf(collect(door.logs({ follow: false, tail: 'all' }, never), 1000, 'it'))).toMatchObject({
      code: 'FILE_FAILED',
      message: 'the registry has no log yet',
    })
  })
})

describe('secrets', () => {
  test('are handed over where no other user can read them', async () => {
    const secret = 'bearer:only-for-the-door'
    const address = 'http://me:hidden@127.0.0.1:5001'
    door = doorWith({}, { handed: { DOCKER_IPFS_API_AUTH: secret } })
    const { pid } = await door.start({ port: 0, api: address }, never)
    expect(log()).toContain(JSON.stringify({ api: address, auth: secret }))
    const seen = ['cmdline', 'environ'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8')).join('')
    const written = readFileSync(join(folder, 'state.json'), 'utf8')
    for (const text of [secret, 'hidden']) {
      expect(seen).not.toContain(text)
      expect(written).not.toContain(text)
    }
  })
})

describe('a registry that does not start', () => {
  test('says that its port is taken', async () => {
    const server = createServer()
    await listen(server, { port: 0 })
    const { port } = server.address() as { port: number }
    expect(await errorOf(door.start({ port }, never))).toMatchObject({
      code: 'REGISTRY_FAILED',
      message: `port ${port} of 127.0.0.1 is taken by another program, of the user with number ${process.getuid?.()}`,
      hint: expect.stringContaining('--port'),
    })
    server.close()
  })

  test.each([
    ['1', 'REGISTRY_FAILED'],
    ['3', 'NODE_UNREACHABLE'],
  ])('says why, with exit code %s as %s', async (code, name) => {
    const failing = doorWith({ FAILS: 'the moon is full', CODE: code })
    expect(await errorOf(failing.start({ port: 0 }, never))).toMatchObject({
      code: name,
      message: 'the registry of docker-ipfs did not start: the moon is full',
      hint: 'Do that.',
    })
  })

  test('is ended when the user has had enough', async () => {
    const stop = new AbortController()
    const starting = door.start({ port: 0 }, stop.signal)
    stop.abort(new Error('enough'))
    expect(await errorOf(starting)).toBeDefined()
    expect((await door.status(never)).isRunning).toBe(false)
  })
})

test('the log has a line for each request', async () => {
  const { address } = await door.start({ port: 0 }, never)
  await fetch(`http://${address}/v2/nothing/tags/list`, { headers: { 'User-Agent': 'somebody/1' } })
  const line = /^\d{4}-\S+Z GET \/v2\/nothing\/tags\/list 404 .*somebody\/1/m
  let text = ''
  for await (const part of door.logs({ follow: true, tail: 'all' }, never)) {
    text += Buffer.from(part).toString()
    if (line.test(text)) break
  }
  // We looked whether it answers, which is nobody's business.
  expect(text).not.toContain('GET /v2/ ')
})

async function freePort(): Promise<number> {
  const server = createServer()
  await listen(server, { port: 0 })
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
