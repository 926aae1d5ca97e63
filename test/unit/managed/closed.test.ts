import { describe, expect, test } from 'bun:test'
import { spawn } from 'node:child_process'
import { chmodSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createArguments, IMAGE } from '../../../src/managed/container-arguments.ts'
import { CLOSING } from '../../../src/managed/host.ts'
import { freePorts } from '../../../src/managed/settings.ts'
import { useBinary } from '../../support/binary-host.ts'
import { useContainer } from '../../support/container-host.ts'
import { useOwnPorts } from '../../support/own-ports.ts'
import { peerAt } from '../../support/peer-at.ts'

// A node of our own lets in only whoever has its secret.

useOwnPorts()

const never = new AbortController().signal

describe('a process', () => {
  const setup = useBinary()
  const secret = () => setup.read('secret').trim()
  const entry = () => setup.config.API.Authorizations['docker-ipfs']

  test('answers who has its secret, and nobody else', async () => {
    const state = await setup.start()
    expect(state.openTo).toBe('owner')
    expect(await peerAt(state)).toBeUndefined()
    expect(await setup.peerAt(state)).toBe(setup.config.Identity.PeerID)
    expect(entry()).toEqual({ AuthSecret: secret(), AllowedPaths: ['/api/v0'] })
    expect(JSON.stringify([state, setup.said, setup.started.args])).not.toContain(secret().slice(-64))
    expect(setup.started.args.join(' ')).not.toContain('basic')
  })

  test('has the same secret after it was stopped, removed and given options', async () => {
    await setup.start()
    const first = secret()
    await setup.start({ storageMax: '7GB' })
    await setup.host.remove(false, never)
    await setup.start()
    expect([secret(), entry().AuthSecret]).toEqual([first, first])
  })

  /** Starts the daemon as an earlier docker-ipfs did: without a secret. */
  async function startOpen(): Promise<void> {
    await setup.start()
    await setup.host.stop(never)
    const { API: _, ...config } = setup.config
    writeFileSync(join(setup.folder, 'repo/config'), JSON.stringify(config))
    rmSync(join(setup.folder, 'secret'))
    const child = spawn(setup.ipfs, [`--repo-dir=${join(setup.folder, 'repo')}`, 'daemon'], { stdio: 'ignore' })
    writeFileSync(join(setup.folder, 'pid'), `${child.pid}\n`)
    while (!(await setup.host.state(never))?.isRunning) await Bun.sleep(10)
  }

  test('of an earlier docker-ipfs is open, and is closed when it is started again', async () => {
    await startOpen()
    const before = await setup.host.state(never)
    expect(before).toMatchObject({ isRunning: true, openTo: 'everybody' })
    setup.said.length = 0
    const after = await setup.start()
    expect(after.openTo).toBe('owner')
    expect(setup.said[0]).toBe(CLOSING)
    expect(await peerAt(after)).toBeUndefined()
    expect(await setup.peerAt(after)).toBe(setup.config.Identity.PeerID)
  })

  test('of a Kubo that knows no secrets is not left running', async () => {
    await expect(setup.start({}, setup.hostWith({ IS_OLD: '1' }))).rejects.toMatchObject({
      code: 'NODE_UNREACHABLE',
      message: `${setup.ipfs} is too old: its API would be open to every user`,
      hint: 'Install Kubo 0.25 or newer.',
    })
    expect(await setup.host.state(never)).toMatchObject({ isRunning: false })
  })

  test.each([
    ['is gone', (file: string) => rmSync(file)],
    ['is empty', (file: string) => writeFileSync(file, '')],
    ['is another', (file: string) => writeFileSync(file, `basic:docker-ipfs:${'a'.repeat(64)}\n`)],
  ])('whose secret %s lets in nobody until it is started again', async (_, spoil) => {
    const { api } = await setup.start()
    spoil(join(setup.folder, 'secret'))
    expect(await setup.host.state(never)).toMatchObject({ isRunning: true, api, openTo: 'nobody' })
    const after = await setup.start()
    expect(after.openTo).toBe('owner')
    expect(await setup.peerAt(after)).toBe(setup.config.Identity.PeerID)
    expect(entry().AuthSecret).toBe(secret())
  })

  test('gets a new secret where others could read the old one, and its folder is closed', async () => {
    await setup.start()
    const first = secret()
    await setup.host.stop(never)
    chmodSync(join(setup.folder, 'secret'), 0o644)
    chmodSync(setup.folder, 0o755)
    await setup.start()
    expect(secret()).not.toBe(first)
    expect(entry().AuthSecret).toBe(secret())
    const modes = ['', 'secret', 'repo/config'].map((name) => statSync(join(setup.folder, name)).mode & 0o777)
    expect(modes).toEqual([0o700, 0o600, 0o600])
  })

  test("keeps the user's own entries, and puts back its own", async () => {
    await setup.start()
    await setup.host.stop(never)
    const mine = { AuthSecret: 'bearer:x', AllowedPaths: ['/api/v0/id'] }
    writeFileSync(
      join(setup.folder, 'repo/config'),
      JSON.stringify({ ...setup.config, API: { HTTPHeaders: {}, Authorizations: { mine } } }),
    )
    await setup.start()
    expect(setup.config.API).toEqual({ HTTPHeaders: {}, Authorizations: { mine, 'docker-ipfs': entry() } })
    expect(entry().AuthSecret).toBe(secret())
  })
})

describe('a container', () => {
  const setup = useContainer()
  const secret = () => setup.container?.repositoryFile('/data/ipfs/docker-ipfs.secret')?.trim() ?? ''

  test('answers who may use its engine, and nobody else', async () => {
    const state = await setup.start()
    expect(state.openTo).toBe('owner')
    expect(await peerAt(state)).toBeUndefined()
    expect(await setup.peerAt(state)).toBe(setup.peer)
    expect(secret()).toMatch(/^basic:docker-ipfs:/)
    const told = [...setup.docker.calls, ...setup.said, JSON.stringify([state, setup.label])].join('\n')
    expect(told).not.toContain(secret().slice(-64))
  })

  test('of an earlier docker-ipfs is open, and is replaced when it is started again', async () => {
    const args = createArguments(await freePorts(), { storageMax: '7GB' }, 'host')
    const asBefore = args.map((word) => word.replace(',"isClosed":true', '').replace(/\nsecret=.*$/s, ''))
    await setup.docker.run(asBefore, never)
    await setup.docker.run(['container', 'start', 'docker-ipfs-node'], never)
    const before = (await setup.host.state(never)) ?? { api: '' }
    expect(before).toMatchObject({ isRunning: true, openTo: 'everybody' })
    const peer = await peerAt(before)
    expect(peer).toBe(setup.peer)
    expect(await setup.host.access(before.api, never)).toEqual({})
    const after = await setup.start()
    expect(after.openTo).toBe('owner')
    expect(setup.said[0]).toEndWith('its images stay (its API was open to every user of this machine)')
    expect(setup.label).toMatchObject({ storageMax: '7GB', isClosed: true })
    expect([setup.container?.image, await peerAt(after), await setup.peerAt(after)]).toEqual([IMAGE, undefined, peer])
  })

  test('whose secret is lost makes one when it is started again', async () => {
    const state = await setup.start()
    const first = secret()
    setup.docker.volumes.get('docker-ipfs-node')?.files.delete('docker-ipfs.secret')
    expect(await setup.peerAt(state)).toBeUndefined()
    await setup.start()
    expect(setup.calls('container stop')).toHaveLength(1)
    expect(secret()).not.toBe(first)
    expect(await setup.peerAt(state)).toBe(setup.peer)
  })

  test('that runs as it should is not stopped', async () => {
    await setup.start()
    await setup.start()
    expect(setup.calls('container stop')).toEqual([])
  })

  test('is asked for its secret in vain by who has had enough', async () => {
    const { api } = await setup.start()
    const stop = new AbortController()
    setup.before('container cp', () => stop.abort(new Error('enough')))
    await expect(setup.host.access(api, stop.signal)).rejects.toThrow('enough')
  })
})
