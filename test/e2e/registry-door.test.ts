import { afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { ENGINES, type Engine } from '../support/engine.ts'
import type { Finished, Running } from '../support/place.ts'
import { useReal } from '../support/real.ts'
import { freePort, listen } from '../support/relay.ts'
import { script } from '../support/scripts.ts'

// The front door as users start it, and as their engines use it.

const real = useReal({ engines: ENGINES, nodes: ['node'] })
const first = () => real.engine(ENGINES[0] ?? '')
const USER = 20_005

let root = ''
let port = 0
beforeAll(async () => {
  await script('busybox-image', first().host, 'box:1')
  root = await first().save(real.node(), 'box:1')
})

const ipfs = (...args: string[]) => first().ipfs(real.node(), ...args)
const curl = (...args: string[]) =>
  real.place.run('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code}', '--noproxy', '*', ...args])

async function start(...flags: string[]): Promise<string> {
  port = await freePort()
  const run = await ipfs('registry', 'start', '--port', `${port}`, ...flags)
  expect({ exitCode: run.exitCode, stderr: run.exitCode === 0 ? '' : run.stderr }).toEqual({ exitCode: 0, stderr: '' })
  return `127.0.0.1:${port}`
}

afterEach(async () => {
  await ipfs('registry', 'stop')
  // What the test ended itself is gone as well.
  expect(await real.place.processesLeft(5000)).toEqual([])
})

describe('docker ipfs registry', () => {
  test('starts, says where it is, is started once, and stops', async () => {
    expect(await ipfs('registry', 'status')).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('stopped') })
    const address = await start()
    const status = JSON.parse((await ipfs('registry', 'status', '--format', 'json')).stdout)
    expect(status).toMatchObject({ isRunning: true, address, answers: true, openTo: 'owner', isReadOnly: false })
    const again = await ipfs('registry', 'start')
    expect(again.exitCode).toBe(0)
    expect(again.stdout).toContain(`${status.pid}, since`)
    const inFront = await ipfs('registry', 'run', '--port', `${port}`)
    expect(inFront.exitCode).toBe(1)
    expect(inFront.stderr).toContain(`ERROR: a registry of docker-ipfs runs already at ${address}\n`)
    const named = await ipfs('inspect', `${address}/box:1`)
    expect(named.stderr).toContain(`Give "box:1": "${address}/" is for docker alone`)
    const other = await ipfs('registry', 'start', '--open')
    expect(other).toMatchObject({ exitCode: 1 })
    expect(other.stderr).toStartWith(`ERROR: the registry runs already at ${address}, with other options\n`)
    const restarted = await ipfs('registry', 'restart')
    expect(restarted).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(address) })
    expect((await ipfs('doctor')).stdout).toMatch(new RegExp(`ok +registry reachable +${address} answers`))
    expect(await ipfs('registry', 'stop')).toMatchObject({ exitCode: 0, stdout: '' })
    const stopped = await ipfs('registry', 'stop')
    expect(stopped.exitCode).toBe(1)
    expect(stopped.stderr).toStartWith('ERROR: no registry of docker-ipfs runs here\n')
  })

  test('says that its port is taken', async () => {
    const server = createServer()
    const taken = await freePort()
    await listen(server, { port: taken })
    const run = await ipfs('registry', 'start', '--port', `${taken}`)
    expect(run.exitCode).toBe(1)
    expect(run.stderr).toContain(`ERROR: port ${taken} of 127.0.0.1 is taken by another program`)
    const inFront = await ipfs('registry', 'run', '--port', `${taken}`)
    expect(inFront.exitCode).toBe(1)
    expect(inFront.stderr).toContain(`ERROR: port ${taken} of 127.0.0.1 is taken by another program`)
    server.close()
  })

  test('lets in neither other machines, nor pages, nor other users, unless they may', async () => {
    const address = await start()
    const listening = await real.place.run('ss', ['-ltnH', `sport = :${port}`])
    expect(listening.stdout.trim().split(/\s+/)[3]).toBe(address)
    const codeOf = async (...args: string[]) => (await curl(...args, `http://${address}/v2/`)).stdout
    expect(await codeOf()).toBe('200')
    expect(await codeOf('-H', 'Host: evil.example')).toBe('403')
    expect(await codeOf('-H', 'Origin: http://evil.example')).toBe('403')
    const as = ['--reuid', `${USER}`, '--regid', `${USER}`, '--clear-groups', '--']
    const asUser = ['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '--noproxy', '*', `http://${address}/v2/`]
    expect((await real.place.run('setpriv', [...as, ...asUser])).stdout).toBe('403')
    await ipfs('registry', 'stop')
    const open = await start('--open')
    const opened = asUser.with(-1, `http://${open}/v2/`)
    expect((await real.place.run('setpriv', [...as, ...opened])).stdout).toBe('200')
    const beyond = await ipfs('registry', 'run', '--host', '0.0.0.0')
    expect(beyond.exitCode).toBe(1)
    expect(beyond.stderr).toStartWith('ERROR: --host 0.0.0.0 lets in other machines: it needs a token and TLS\n')
  })

  test('runs in the foreground, and ends well with SIGTERM and as cancelled with Ctrl-C', async () => {
    for (const [signal, code] of [
      ['SIGTERM', 0],
      ['SIGINT', 130],
    ] as const) {
      const at = await freePort()
      let out = ''
      const door: Running = real.place.start(
        join(real.place.dockerConfig, 'cli-plugins/docker-ipfs'),
        ['registry', 'run', '--port', `${at}`, '--format', 'json'],
        { env: { DOCKER_IPFS_API: real.node().api }, onStdout: (text) => (out += text) },
      )
      while ((await curl(`http://127.0.0.1:${at}/v2/`)).stdout !== '200') await Bun.sleep(50)
      while (!out.includes('\n')) await Bun.sleep(20)
      expect(JSON.parse(out.split('\n')[0] ?? '')).toMatchObject({ method: 'GET', path: '/v2/', status: 200 })
      expect((await ipfs('registry', 'status')).stdout).toContain(`127.0.0.1:${at}`)
      process.kill(door.pid, signal)
      expect((await door.finished).exitCode).toBe(code)
      expect((await ipfs('registry', 'status')).stdout).toContain('stopped')
    }
  })

  test('has a page with the commands, and a log of what was asked', async () => {
    const address = await start()
    const { stdout } = await real.place.run('curl', ['-si', '--noproxy', '*', `http://${address}/`])
    expect(stdout).toMatch(/^content-security-policy: default-src 'none'/im)
    expect(stdout).toContain(`docker pull ${address}/box:1`)
    expect(stdout).toContain(`docker ipfs load --tag box:1 ${root}`)
    const log = await ipfs('registry', 'logs', '--tail', '1')
    expect(log.stdout).toMatch(/GET \/ 200 .*curl/)
  })

  test('answers with errors while the node is away, and as before when it is back', async () => {
    const address = await start()
    const code = async () => (await curl(`http://${address}/v2/box/manifests/1`)).stdout
    expect(await code()).toBe('200')
    await real.node().stop()
    expect((await code())[0]).toMatch(/[45]/)
    await real.node().restart()
    expect(await code()).toBe('200')
  })
})

describe.each(ENGINES)('%s', (name) => {
  const engine = (): Engine => real.engine(name)

  test('runs, pulls and builds from what the front door has', async () => {
    const address = await start()
    await engine().clear()
    const run = (image: string) => engine().docker('run', '--rm', '--network', 'none', image, 'echo', 'ran')
    expect(await run(`${address}/${root}`)).toEndWith('ran')
    expect(await run(`${address}/box:1`)).toEndWith('ran')
    const folder = join(real.place.folder, `build-${name}`)
    mkdirSync(folder)
    writeFileSync(join(folder, 'Dockerfile'), `FROM ${address}/${root}\nENV FROM_IPFS=yes\n`)
    await engine().clear()
    const built = await real.place.run('docker', ['-H', engine().host, 'build', '-q', '-t', 'built:1', folder], {
      env: { DOCKER_BUILDKIT: '0' },
    })
    expect(built).toMatchObject({ exitCode: 0 })
    expect(await engine().docker('image', 'inspect', '--format', '{{.Config.Env}}', 'built:1')).toContain(
      'FROM_IPFS=yes',
    )
    // Before its base, which cannot go as long as it is there.
    await engine().docker('image', 'rm', 'built:1')
    await engine().clear()
  })

  test('builds with BuildKit from what the front door has', async () => {
    const address = await start()
    await engine().clear()
    // Of 20.10 it reads no zstd, and does not say that it is of 20.10.
    const from = engine().isOld ? `plain/${root}` : root
    const files = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () => new Response(`FROM ${address}/${from}\nENV FROM_IPFS=yes\n`),
    })
    const query = `version=2&networkmode=none&t=built:2&remote=${files.url.href}Dockerfile`
    const build = ['-s', '--unix-socket', engine().socket, '-X', 'POST', `http://engine/build?${query}`]
    const { stdout } = await real.place.run('curl', build)
    await files.stop(true)
    expect(stdout).toContain('"id":"moby.image.id"')
    expect(await engine().docker('image', 'inspect', '--format', '{{.Config.Env}}', 'built:2')).toContain(
      'FROM_IPFS=yes',
    )
    await engine().docker('builder', 'prune', '--force', '--all')
    await engine().docker('image', 'rm', 'built:2')
  })

  test('runs an image with one command, and ends as it does', async () => {
    await engine().clear()
    const box = (...args: string[]): Promise<Finished> =>
      engine().ipfs(real.node(), 'run', '-q', '--rm', '--network', 'none', ...args)
    expect(await box('box:1', 'echo', '--rm')).toMatchObject({ exitCode: 0, stdout: '--rm\n', stderr: '' })
    expect(await box('-e', 'A=b', root, 'sh', '-c', 'echo $A; exit 7')).toMatchObject({ exitCode: 7, stdout: 'b\n' })
    const nobody = await box('nowhere:1')
    expect(nobody.exitCode).toBe(4)
    expect(nobody.stderr).toStartWith('ERROR: no image of the name "nowhere:1"')
    expect((await box('--nope', root)).exitCode).toBe(125)
    const docker = `docker -H ${engine().host} ipfs run -q --rm -i --network none ${root} cat`
    const piped = await real.place.run('sh', ['-c', `echo through | ${docker}`], {
      env: { DOCKER_IPFS_API: real.node().api },
    })
    expect(piped).toMatchObject({ exitCode: 0, stdout: 'through\n' })
    await engine().clear()
  })
})
