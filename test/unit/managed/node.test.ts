import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { DockerIpfsError } from '../../../src/errors.ts'
import { type Choice, createManagedNode } from '../../../src/managed/node.ts'
import { collect } from '../../../src/streams.ts'
import { withFastClock } from '../../support/fast-clock.ts'
import { MemoryHost } from '../../support/memory/host.ts'
import { useOwnPorts } from '../../support/own-ports.ts'
import { peerAt } from '../../support/peer-at.ts'

useOwnPorts()

const signal = new AbortController().signal

let container: MemoryHost
let binary: MemoryHost
let said: string[]
beforeEach(() => {
  container = new MemoryHost('container')
  binary = new MemoryHost('binary')
  said = []
})
afterEach(() => {
  container.close()
  binary.close()
})

const say = (text: string) => said.push(text)
const nodeOf = (choice?: Choice) => createManagedNode([container, binary], choice)
const unreachable = (text: string) => new DockerIpfsError('NODE_UNREACHABLE', text)

/** Has it there, but not running. */
async function stopped(host: MemoryHost): Promise<void> {
  await host.start({}, signal, () => undefined)
  await host.stop()
}

describe('the managed node', () => {
  test('is a container, or else a process', async () => {
    expect(await nodeOf().start({}, signal, say, say)).toMatchObject({ kind: 'container', name: container.name })
    await container.remove(true)
    container.failure = unreachable('x')
    const said: string[] = []
    const state = await nodeOf().start({}, signal, (text) => said.push(text), say)
    expect(state).toMatchObject({ kind: 'binary', isRunning: true })
    expect(said).toEqual([
      'That failed (container in memory: x): trying a binary in memory',
      'Starting binary in memory',
    ])
  })

  test('is the one that there is, and before it the one that runs', async () => {
    await stopped(binary)
    expect(await nodeOf().start({}, signal, say, say)).toMatchObject({ kind: 'binary' })
    await stopped(container)
    expect(await nodeOf().status(signal)).toMatchObject({ kind: 'binary', isRunning: true })
    await binary.stop()
    expect(await nodeOf().status(signal)).toMatchObject({ kind: 'container', isRunning: false })
  })

  test('is of the kind that was chosen, whatever else there is', async () => {
    await container.start({}, signal, say)
    expect(await nodeOf('binary').status(signal)).toBeUndefined()
    expect(await nodeOf('binary').start({}, signal, say, say)).toMatchObject({ kind: 'binary' })
    expect(await nodeOf('container').status(signal)).toMatchObject({ kind: 'container' })
  })

  test('that cannot be started says why, of each way', async () => {
    container.failure = unreachable('no image')
    binary.failure = unreachable('no ipfs')
    await expect(nodeOf().start({}, signal, say, say)).rejects.toMatchObject({
      code: 'NODE_UNREACHABLE',
      message: 'cannot start an IPFS node (container in memory: no image; binary in memory: no ipfs)',
    })
    await expect(nodeOf('binary').start({}, signal, say, say)).rejects.toThrow(/^no ipfs$/)
  })

  test.each([
    ['a wrong option', new DockerIpfsError('USAGE', 'wrong')],
    ['a file that cannot be written', new DockerIpfsError('FILE_FAILED', 'no such folder')],
    ['a bug', new TypeError('wrong')],
  ])('is not tried in another way after %s', async (_, failure) => {
    container.failure = failure
    expect(
      await nodeOf()
        .start({}, signal, say, say)
        .catch((error) => error),
    ).toBe(failure)
    expect(binary.exists).toBe(false)
  })

  test('is not tried in another way after Ctrl-C', async () => {
    const cancelled = new DockerIpfsError('CANCELLED', 'cancelled')
    container.failure = unreachable('x')
    expect(
      await nodeOf()
        .start({}, AbortSignal.abort(cancelled), say, say)
        .catch((error) => error),
    ).toBe(cancelled)
    expect(binary.exists).toBe(false)
  })

  test('is neither looked for nor started when it is off', async () => {
    await container.start({}, signal, say)
    const node = nodeOf('off')
    expect(await node.find(signal)).toBeUndefined()
    expect(await node.ensure(signal, say)).toBeUndefined()
    await expect(node.start({}, signal, say, say)).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('"off"'),
    })
  })

  test('takes the text of a swarm key for one only where it is one', async () => {
    await expect(nodeOf().start({ swarmKey: 'x' }, signal, say, say)).rejects.toMatchObject({ code: 'USAGE' })
    expect(container.exists).toBe(false)
  })
})

describe('the address of the managed node', () => {
  test('is none where it does not run, and looking for it starts nothing', async () => {
    expect(await nodeOf().find(signal)).toBeUndefined()
    await stopped(container)
    expect(await nodeOf().find(signal)).toBeUndefined()
    expect(await container.state()).toMatchObject({ isRunning: false })
  })

  test('is had by starting it, once', async () => {
    const endpoint = await nodeOf().ensure(signal, say)
    expect(endpoint).toMatchObject({ isManaged: true, source: 'the managed node' })
    expect(await peerAt({ api: endpoint?.url ?? '' })).toBe(container.node.id)
    container.failure = unreachable('it runs, and must not be started')
    expect(await nodeOf().ensure(signal, say)).toEqual(endpoint)
    expect(await nodeOf().find(signal)).toEqual(endpoint)
    expect(said).toEqual(['Starting container in memory'])
  })

  test('is had by starting it again where it is said to run and does not answer', async () => {
    container = new MemoryHost('container', { refuses: 500 })
    await container.start({}, signal, () => undefined)
    expect(await withFastClock(() => nodeOf().find(signal))).toBeUndefined()
    const { api } = (await container.state()) ?? {}
    expect(await withFastClock(() => nodeOf().ensure(signal, say))).toMatchObject({ url: api })
  })
})

describe('what is done with the managed node', () => {
  test('is done with the one that there is', async () => {
    const node = nodeOf()
    await node.start({ storageMax: '7GB' }, signal, say, say)
    expect(container.options).toEqual({ storageMax: '7GB' })
    expect(await node.restart(signal, say)).toMatchObject({ isRunning: true })
    const log = await collect(node.logs({ follow: false, tail: 'all' }, signal), 1000, 'the log')
    expect(Buffer.from(log).toString()).toBe('started\nstopped\nstarted\n')
    expect(await node.stop(signal)).toMatchObject({ kind: 'container' })
    expect(await node.status(signal)).toMatchObject({ isRunning: false, details: 'stopped' })
    expect(await node.remove(false, signal)).toMatchObject({ kind: 'container' })
    expect(container).toMatchObject({ exists: false, hasRepository: true, options: {} })
  })

  test('is an error where there is none', async () => {
    const node = nodeOf()
    const none = { code: 'NODE_UNREACHABLE', hint: 'Make one with "docker ipfs node start".' }
    await expect(node.stop(signal)).rejects.toMatchObject(none)
    await expect(node.restart(signal, say)).rejects.toMatchObject(none)
    await expect(node.remove(true, signal)).rejects.toMatchObject(none)
    await expect(collect(node.logs({ follow: false, tail: 'all' }, signal), 1000, 'it')).rejects.toMatchObject(none)
    expect(await node.status(signal)).toBeUndefined()
  })
})

describe('the state of the managed node', () => {
  test('tells how much it stores while it runs', async () => {
    container = new MemoryHost('container', { storage: { used: 5, limit: 10 } })
    await nodeOf().start({}, signal, say, say)
    expect(await nodeOf().status(signal)).toMatchObject({ isRunning: true, storage: { used: 5, limit: 10 } })
    await container.stop()
    expect(await nodeOf().status(signal)).not.toHaveProperty('storage')
  })

  test('tells nothing of that where the node does not', async () => {
    container = new MemoryHost('container', { refuses: 500 })
    await nodeOf().start({}, signal, say, say)
    expect(await nodeOf().status(signal)).toMatchObject({ isRunning: true, storage: undefined })
  })
})
