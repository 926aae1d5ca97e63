import { describe, expect, test } from 'bun:test'
import { appendFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive, useBinary } from '../../support/binary-host.ts'
import { withFastClock } from '../../support/fast-clock.ts'
import { useOwnPorts } from '../../support/own-ports.ts'

useOwnPorts()

const never = new AbortController().signal
const setup = useBinary()

describe('a process that has ended', () => {
  test('was asked to, and may be again', async () => {
    const state = await setup.start()
    const number = setup.pid
    await setup.host.stop(never)
    expect(isAlive(number)).toBe(false)
    expect(await setup.logs('1')).toBe('Received interrupt signal, shutting down...\n')
    expect(await setup.host.state(never)).toMatchObject({ isRunning: false, details: 'stopped', api: state.api })
    await setup.host.stop(never)
  })

  test('is no longer taken for one that runs, and neither is who has its port or its number', async () => {
    const state = await setup.start()
    await setup.crash()
    expect(await setup.host.state(never)).toMatchObject({ isRunning: false })
    setup.take(Number(new URL(state.api).port))
    expect(await setup.host.state(never)).toMatchObject({ isRunning: false })
    const other = await setup.another()
    writeFileSync(join(setup.folder, 'pid'), `${other}\n`)
    await setup.host.stop(never)
    expect(isAlive(other)).toBe(true)
    expect(await setup.peerAt(await setup.start())).toBe(setup.config.Identity.PeerID)
    expect(setup.pid).not.toBe(other)
  })

  test.each(['x\n', ''])('is not looked for where its number is none, which is told: %j', async (text) => {
    const first = await setup.start()
    writeFileSync(join(setup.folder, 'pid'), text)
    await expect(setup.host.stop(never)).rejects.toMatchObject({
      code: 'NODE_FAILED',
      message: 'the IPFS node of docker-ipfs is run by another user, or the number of its process is lost',
    })
    expect(await setup.peerAt(first)).toBe(setup.config.Identity.PeerID)
  })

  test('has ended although its parent takes no notice', async () => {
    await setup.start()
    await setup.crash()
    writeFileSync(join(setup.folder, 'pid'), `${await setup.zombie()}\n`)
    await withFastClock(() => setup.host.stop(never))
    expect(await setup.host.state(never)).toMatchObject({ isRunning: false })
  })

  test('has to, or it is an error', async () => {
    await setup.start({}, setup.hostWith({ IS_DEAF: '1' }))
    await expect(withFastClock(() => setup.host.stop(never))).rejects.toMatchObject({
      code: 'NODE_FAILED',
      message: `the IPFS node of docker-ipfs does not stop (process ${setup.pid})`,
    })
  })
})

describe('a process that is removed', () => {
  test('leaves its images, and nothing of its options', async () => {
    const peer = await setup.peerAt(await setup.start({ storageMax: '9GB' }))
    await setup.host.remove(false, never)
    expect(readdirSync(setup.folder).sort()).toEqual(['repo', 'secret'])
    expect(await setup.host.state(never)).toMatchObject({ isRunning: false })
    expect(await setup.peerAt(await setup.start())).toBe(peer)
    expect(setup.config).toMatchObject({ Datastore: { StorageMax: '50GB' } })
  })

  test('takes its images with it where that is wanted', async () => {
    await setup.start()
    const number = setup.pid
    await setup.host.remove(true, never)
    expect(isAlive(number)).toBe(false)
    expect(existsSync(setup.folder)).toBe(false)
    expect(await setup.host.state(never)).toBeUndefined()
  })
})

describe('the log of a process', () => {
  test('goes on over several starts, and can be followed', async () => {
    await setup.start()
    await setup.host.stop(never)
    expect(await setup.logs('1')).toBe('Received interrupt signal, shutting down...\n')
    const stop = new AbortController()
    let text = ''
    for await (const bytes of setup.host.logs({ follow: true, tail: '1' }, stop.signal)) {
      if (text === '') await setup.start()
      text += Buffer.from(bytes)
      if (text.includes('Daemon is ready')) break
    }
    expect(text).toBe('Received interrupt signal, shutting down...\nInitializing daemon...\nDaemon is ready\n')
  })

  test('begins anew when it is long', async () => {
    await setup.start()
    await setup.host.stop(never)
    appendFileSync(join(setup.folder, 'log'), Buffer.alloc(10 * 1024 * 1024, 'x'))
    await setup.start()
    expect(await setup.logs()).toBe('Initializing daemon...\nDaemon is ready\n')
  })

  test('is not there before the first start', async () => {
    await expect(setup.logs()).rejects.toMatchObject({ code: 'FILE_FAILED', message: 'the node has no log yet' })
  })
})
