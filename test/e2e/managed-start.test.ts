import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ENGINES } from '../support/engine.ts'
import { GOLDEN, GOLDEN_ROOTS } from '../support/images.ts'
import type { Finished, Running } from '../support/place.ts'
import { useReal } from '../support/real.ts'
import { script } from '../support/scripts.ts'

const NET = `${ENGINES[0]}-net`
const KUBO_IMAGE = 'ipfs/kubo:v0.43.0'
const START = '/usr/local/bin/start_ipfs'
const real = useReal({ engines: [NET] })
const engine = () => real.engine(NET)

/** A Kubo in front of which there is time to look and to cancel. */
let slowFolder = ''
let tiny = ''

beforeAll(async () => {
  const ipfs = (await script('kubo')).trim()
  slowFolder = real.place.folder
  const wait = '[ "$2" != daemon ] || sleep 3'
  writeFileSync(join(slowFolder, 'ipfs'), `#!/bin/sh\n${wait}\nPATH='${dirname(ipfs)}' exec ipfs "$@"\n`, {
    mode: 0o755,
  })

  await script('kubo-image', engine().host, KUBO_IMAGE)
  const file = join(slowFolder, 'start_ipfs')
  await engine().docker('container', 'create', '--name', 'slow', KUBO_IMAGE)
  await engine().docker('container', 'cp', `slow:${START}`, file)
  writeFileSync(file, readFileSync(file, 'utf8').replace('\n', '\nsleep 2\n'))
  await engine().docker('container', 'cp', file, `slow:${START}`)
  await engine().docker('container', 'commit', 'slow', KUBO_IMAGE)
  await engine().docker('container', 'rm', '--volumes', 'slow')
  tiny = await engine().give(GOLDEN.tiny())
})
afterAll(() => engine().docker('image', 'rm', '--force', KUBO_IMAGE))

const containers = () =>
  engine().docker('container', 'ls', '--all', '--filter', 'label=docker-ipfs.node', '--format', '{{.Names}} {{.State}}')

describe.each(['container', 'binary'] as const)('a node of its own that is slow to come up, as a %s,', (kind) => {
  const env = (): Record<string, string> =>
    kind === 'container' ? {} : { DOCKER_IPFS_NODE: 'binary', PATH: `${slowFolder}:${process.env['PATH']}` }
  const begin = (...args: string[]): Running =>
    engine().inside(['docker', '-H', engine().host, 'ipfs', ...args], { env: env() })
  const ipfs = (...args: string[]): Promise<Finished> => begin(...args).finished
  const status = async () => {
    const { exitCode, stdout } = await ipfs('node', 'status', '--format', 'json')
    expect(exitCode).toBe(0)
    return JSON.parse(stdout) as { isRunning: boolean; isStarting?: boolean } | null
  }
  const ENDING = kind === 'container' ? 'the container docker-ipfs-node' : 'the IPFS node of docker-ipfs'
  const CANCELLED = new RegExp(`^Starting .*\nEnding ${ENDING}, which had not started yet\ncancelled\n$`)

  afterEach(() => ipfs('node', 'rm', '-v'))

  async function untilStarting(): Promise<void> {
    while (!(await status())?.isStarting) await Bun.sleep(20)
  }

  /** Nothing of it runs, now or later. */
  async function expectNothing(): Promise<void> {
    expect(await containers()).not.toContain('running')
    await Bun.sleep(4000)
    expect(await containers()).not.toContain('running')
    expect(await real.place.processesLeft()).toEqual([])
    expect((await status())?.isRunning ?? false).toBe(false)
  }

  test('is starting, and then running', async () => {
    const start = begin('node', 'start')
    await untilStarting()
    expect(await ipfs('node', 'status')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^Status: {4}starting\nNode: .*\nImages in: .*\n$/),
    })
    expect(await status()).toMatchObject({ isRunning: false, isStarting: true })
    expect(await start.finished).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^Status: {4}running\n/) })
    expect((await ipfs('node', 'status')).stdout).toMatch(/^Status: {4}running\n/)
    expect(await status()).not.toHaveProperty('isStarting')
  })

  test.each(['SIGINT', 'SIGTERM'] as const)(
    'is ended by %s while it starts, and can be started again',
    async (signal) => {
      const start = begin('node', 'start')
      await untilStarting()
      start.signalAll(signal)
      const { exitCode, stdout, stderr } = await start.finished
      expect([130, 143]).toContain(exitCode)
      expect([stdout, stderr]).toEqual(['', expect.stringMatching(CANCELLED)])
      await expectNothing()
      expect(await containers()).toBe('')
      expect(await ipfs('node', 'start')).toMatchObject({ exitCode: 0 })
    },
  )

  test('is ended with the save that started it', async () => {
    const save = begin('save', tiny)
    await untilStarting()
    save.signalAll('SIGINT')
    expect(await save.finished).toMatchObject({ exitCode: 130, stdout: '', stderr: expect.stringMatching(CANCELLED) })
    await expectNothing()
    expect(await ipfs('save', '-q', tiny)).toMatchObject({ exitCode: 0, stdout: `${GOLDEN_ROOTS.tiny}\n` })
  })

  test('that was stopped is stopped again, and has its images and options', async () => {
    expect(await ipfs('node', 'start', '--storage-max', '7GB')).toMatchObject({ exitCode: 0 })
    await ipfs('save', tiny)
    await ipfs('node', 'stop')
    const start = begin('node', 'start')
    await untilStarting()
    start.signalAll('SIGINT')
    expect(await start.finished).toMatchObject({ exitCode: 130, stdout: '' })
    await expectNothing()
    expect((await ipfs('node', 'start')).exitCode).toBe(0)
    expect((await ipfs('node', 'status')).stdout).toMatch(/^Storage: .* of 7GB$/m)
    expect((await ipfs('ls', '-q', '--no-trunc')).stdout).toBe(`${GOLDEN_ROOTS.tiny}\n`)
  })
})
