import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { type CompiledDoor, startDoor } from '../support/compiled-door.ts'
import { ENGINES, ENGINES_WITH_ZSTD } from '../support/engine.ts'
import { archiveOci, bulk, contentsOf, imageOf } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { RUN, script } from '../support/scripts.ts'
import { useShortFolder } from '../support/short-folder.ts'
import { tarOf } from '../support/tar.ts'

// Other people's clients: each pulls from the front door, and pushes to it. Those of Go's registry tools are in registry-write.test.ts.

const FIRST = ENGINES[0] ?? ''
const NEW = ENGINES_WITH_ZSTD.at(-1) ?? ''
const real = useReal({ engines: ENGINES, nodes: ['node'] })
const IMAGE = imageOf([
  tarOf([{ path: 'base', body: bulk(3_000_000, 'clients') }]),
  tarOf([{ path: 'app', body: Buffer.from('clients') }]),
])
const short = useShortFolder()
let door: CompiledDoor
let root = ''

const ipfs = (...args: string[]) => real.engine(FIRST).ipfs(real.node(), ...args)
const cidOf = async (name: string) => (await ipfs('ls', '--no-trunc', '--format', '{{.CID}}', name)).stdout.trim()

/** Runs a program to its good end; gives its stdout. DOCKER_CONFIG leads podman and its like astray. */
async function run(program: string, ...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await real.place.run('env', ['-u', 'DOCKER_CONFIG', program, ...args])
  if (exitCode !== 0) throw new Error(`${program} ${args.join(' ')}: exit code ${exitCode}\n${stdout}${stderr}`)
  return stdout.trim()
}

const json = async <T>(path: string) => (await (await fetch(`http://${door.host}/v2/${path}`)).json()) as T

function folder(name: string): string {
  const path = join(real.place.folder, name)
  mkdirSync(path)
  return path
}

beforeAll(async () => {
  door = await startDoor(real.place, real.node())
  const file = join(real.place.folder, 'image.tar')
  await Bun.write(file, archiveOci(IMAGE, 'plain'))
  root = (await ipfs('save', '-q', '-i', file)).stdout.trim()
  expect(await ipfs('tag', root, 'clients:1')).toMatchObject({ exitCode: 0 })
})
afterAll(() => door?.stop())
beforeEach(() => Promise.all(ENGINES.map((name) => real.engine(name).clear())))

test('podman pulls an image, and pushes it', async () => {
  const podman = (await script('podman', short)).trim()
  await run(podman, 'pull', '-q', '--tls-verify=false', `${door.host}/clients:1`)
  await run(podman, 'push', '-q', '--tls-verify=false', `${door.host}/clients:1`, `${door.host}/podman:1`)
  expect(await cidOf('podman:1')).toBe(root)
})

test('buildah builds from an image, and pushes what it built', async () => {
  const buildah = (await script('buildah', folder('b'))).trim()
  const container = await run(buildah, 'from', '-q', '--tls-verify=false', `${door.host}/${root}`)
  await run(buildah, 'config', '--env', 'BUILT=yes', container)
  await run(buildah, 'commit', '-q', container, 'built')
  await run(buildah, 'push', '-q', '--tls-verify=false', 'built', `${door.host}/buildah:1`)
  const { config } = await json<{ config: { digest: string } }>('buildah/manifests/1')
  type Config = { config: { Env: string[] }; rootfs: { diff_ids: string[] } }
  const inspected = await json<Config>(`buildah/blobs/${config.digest}`)
  expect(inspected.config.Env).toContain('BUILT=yes')
  expect(inspected.rootfs.diff_ids.slice(0, 2)).toEqual([...IMAGE.diffIds])
  expect(await cidOf('buildah:1')).toStartWith('bafy')
})

test('regctl pulls an image into a layout', async () => {
  const regctl = (await script('go-tool', 'regctl')).trim()
  await run(regctl, 'registry', 'set', '--tls', 'disabled', door.host)
  const layout = join(real.place.folder, 'regctl')
  await run(regctl, 'image', 'copy', `${door.host}/${root}`, `ocidir://${layout}:1`)
  expect(await ipfs('save', '-q', '-i', layout)).toMatchObject({ exitCode: 0, stdout: `${root}\n` })
})

describe.each(ENGINES_WITH_ZSTD)('containerd of %s', (name) => {
  test('pulls and pushes, and finds names of docker.io where a mirror leads here', async () => {
    const ctr = join((await script('engine', 'fetch', name)).trim(), 'bin/ctr')
    const hosts = folder(`hosts-${name}`)
    mkdirSync(join(hosts, 'docker.io'))
    const toml = await ipfs('mirror', 'containerd', '--port', `${door.port}`)
    expect(toml).toMatchObject({ exitCode: 0 })
    await Bun.write(join(hosts, 'docker.io/hosts.toml'), toml.stdout)
    const on = (...args: string[]) =>
      run(ctr, '--address', join(RUN, 'engines', name, 'containerd.sock'), '--namespace', 'clients', 'images', ...args)
    await on('pull', '--hosts-dir', hosts, 'docker.io/library/clients:1')
    await on('push', '--plain-http', `${door.host}/ctr/${name}:1`, 'docker.io/library/clients:1')
    expect(await cidOf(`ctr/${name}:1`)).toBe(root)
    await on('rm', 'docker.io/library/clients:1')
    await on('pull', '--plain-http', `${door.host}/ctr/${name}:1`)
    await on('rm', `${door.host}/ctr/${name}:1`)
  })
})

describe.each(ENGINES)('%s', (name) => {
  test('finds plain names where its mirror leads here', async () => {
    const engine = real.engine(name)
    const file = Bun.file(join(RUN, 'engines', name, 'daemon.json'))
    const before = await file.text()
    const reload = async (text: string) => {
      await Bun.write(file, text)
      process.kill(engine.pid, 'SIGHUP')
    }
    const mirrors = () => engine.docker('info', '--format', '{{json .RegistryConfig.Mirrors}}')
    await reload(JSON.stringify({ ...JSON.parse(before), 'registry-mirrors': [`http://${door.host}`] }))
    while (!(await mirrors()).includes(door.host)) await Bun.sleep(50)
    await engine.docker('image', 'pull', '-q', 'clients:1')
    expect(await engine.contents('clients:1')).toEqual(contentsOf(IMAGE))
    // Without the word dockerd keeps what it has.
    await reload(JSON.stringify({ ...JSON.parse(before), 'registry-mirrors': [] }))
    while ((await mirrors()).includes(door.host)) await Bun.sleep(50)
    await file.write(before)
  })
})

test('buildx builds from an image, pushes what it built, and keeps its cache here', async () => {
  const engine = real.engine(NEW)
  const plugins = join(folder('buildx-config'), 'cli-plugins')
  mkdirSync(plugins)
  symlinkSync((await script('buildx')).trim(), join(plugins, 'docker-buildx'))
  const context = folder('context')
  await Bun.write(join(context, 'Dockerfile'), `FROM ${door.host}/${root}\nCOPY file /file\n`)
  await Bun.write(join(context, 'file'), 'built with buildx')
  const cache = `type=registry,ref=${door.host}/cache:1`
  const build = async (...more: string[]) => {
    const args = ['-H', engine.host, 'buildx', 'build', '--provenance=true', '--push', '-t', `${door.host}/buildx:1`]
    const done = await real.place.run('docker', [...args, ...more, context], {
      env: { DOCKER_CONFIG: join(plugins, '..') },
    })
    expect({ exitCode: done.exitCode, stderr: done.exitCode === 0 ? '' : done.stderr }).toEqual({
      exitCode: 0,
      stderr: '',
    })
    return done.stderr
  }
  await build('--cache-to', cache)
  await engine.docker('builder', 'prune', '--force', '--all')
  expect(await build('--cache-from', cache)).toMatch(/COPY file[\s\S]*CACHED/)
  const { manifests } = await json<{ manifests: { annotations?: Record<string, string> }[] }>('buildx/manifests/1')
  expect(manifests[1]?.annotations?.['vnd.docker.reference.type']).toBe('attestation-manifest')
  await engine.docker('builder', 'prune', '--force', '--all')
  await engine.clear()
  const cid = await cidOf('buildx:1')
  await engine.docker('image', 'pull', '-q', `${door.host}/${cid}`)
  expect((await engine.contents(`${door.host}/${cid}`)).diffIds).toHaveLength(3)
})
