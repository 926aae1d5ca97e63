import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ENGINES } from '../support/engine.ts'
import type { Running } from '../support/place.ts'
import { useReal } from '../support/real.ts'
import { script } from '../support/scripts.ts'

const NET = `${ENGINES[0]}-net`
const KUBO_IMAGE = 'ipfs/kubo:v0.43.0'
/** Of the engine's machine, on a network with another one. */
const MACHINE = '192.0.2.1'
const LOOPBACK = '127.0.0.1'
/** A network of a user's containers, beside docker's default one. */
const USERS = 'users'

const real = useReal({ engines: [NET] })
const engine = () => real.engine(NET)
let neighbour: Running

beforeAll(async () => {
  await script('kubo-image', engine().host, KUBO_IMAGE)
  await engine().docker('network', 'create', USERS)
  const up = Promise.withResolvers<void>()
  const wait = 'ip link set lo up && echo up && exec sleep 600'
  neighbour = real.place.start('unshare', ['--net', 'sh', '-c', wait], { onStdout: () => up.resolve() })
  await up.promise
  const cable = 'link add cable type veth peer name cable netns'
  await gives('ip', ...cable.split(' '), `${neighbour.pid}`)
  await gives('sh', '-c', `ip address add ${MACHINE}/24 dev cable && ip link set cable up`)
  // The way to the containers that anybody there may take.
  await atNeighbour(`ip address add 192.0.2.2/24 dev cable; ip link set cable up; ip route add default via ${MACHINE}`)
})
afterAll(async () => {
  neighbour.end()
  await engine().docker('network', 'rm', USERS)
})
afterEach(() => engine().inside(['docker', '-H', engine().host, 'ipfs', 'node', 'rm', '-v']).finished)

/** Runs a command where the engine's ports are; it must end well. */
async function gives(...command: string[]): Promise<string> {
  const result = await engine().inside(command).finished
  expect(result).toMatchObject({ exitCode: 0 })
  return result.stdout
}

async function atNeighbour(shell: string, ...args: string[]): Promise<string> {
  const command = [`--net=/proc/${neighbour.pid}/ns/net`, '--', 'sh', '-c', shell, 'sh', ...args]
  const result = await real.place.run('nsenter', command)
  expect(result).toMatchObject({ exitCode: 0 })
  return result.stdout
}

/** All addresses of the engine's machine, those of its bridges among them, and of the node's container. */
async function addresses(): Promise<string[]> {
  const ofMachine = (await gives('ip', '-4', '-o', 'address')).matchAll(/ inet ([\d.]+)/g)
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'
  const ofContainer = await engine().docker('container', 'inspect', '--format', format, 'docker-ipfs-node')
  const all = [...ofMachine, ['', ofContainer]].flatMap(([, address]) => address || [])
  expect(all).toEqual(expect.arrayContaining([LOOPBACK, MACHINE]))
  return all
}

async function ports(): Promise<{ readonly api: string; readonly gateway: string }> {
  const status = await gives('docker', '-H', engine().host, 'ipfs', 'node', 'status', '--format', 'json')
  const { api, gateway } = JSON.parse(status) as { api: string; gateway: string }
  return { api: new URL(api).port, gateway: new URL(gateway).port }
}

/** The addresses at which a container of this network gets an answer of the API. */
async function reachedFrom(network: string): Promise<string[]> {
  const ask = `for at; do timeout -s KILL 1 wget -q -Y off -O /dev/null http://$at:${(await ports()).api}/version 2>/dev/null && echo $at; done; true`
  const image = ['--entrypoint', 'busybox', KUBO_IMAGE]
  const command = ['sh', '-c', ask, 'sh', ...(await addresses())]
  return (await engine().docker('run', '--rm', '--network', network, ...image, ...command)).split('\n').filter(Boolean)
}

async function listening(): Promise<string[]> {
  const sockets = (await gives('ss', '-Hltn')).trimEnd().split('\n')
  return sockets.map((line) => line.trim().split(/\s+/)[3] ?? '')
}

describe('the API of a node in a container', () => {
  test('is closed to other containers, and to other machines even where they go straight to the container', async () => {
    await gives('docker', '-H', engine().host, 'ipfs', 'node', 'start')
    expect(await reachedFrom('host')).toEqual([LOOPBACK])
    expect(await reachedFrom('bridge')).toEqual([])
    expect(await reachedFrom(USERS)).toEqual([])
    const { api, gateway } = await ports()
    const urls = (await addresses())
      .filter((address) => address !== LOOPBACK)
      .flatMap((address) => [`${address}:${api}/api/v0/id`, `${address}:${gateway}/ipfs/bafkqaaa`])
    const answers = 'for at; do curl -s -m 1 -o /dev/null -X POST "http://$at" && echo "$at"; done; true'
    expect(await atNeighbour(answers, ...urls)).toBe('')
    const open = await listening()
    expect(open.filter((address) => !address.startsWith(`${LOOPBACK}:`))).toEqual([])
    expect(open).toEqual(expect.arrayContaining([`${LOOPBACK}:${api}`, `${LOOPBACK}:${gateway}`]))
  })

  test('is closed to other containers where the engine is in a virtual machine', async () => {
    // Nothing of the public network: this one is to start at once.
    const key = join(real.place.folder, 'swarm.key')
    writeFileSync(key, `/key/swarm/psk/1.0.0/\n/base16/\n${'0123456789abcdef'.repeat(4)}\n`)
    // The engine then has another machine's name, as far as the plugin can see.
    const elsewhere = ['unshare', '--uts', 'sh', '-c', 'hostname elsewhere && exec "$@"', 'sh']
    await gives(...elsewhere, 'docker', '-H', engine().host, 'ipfs', 'node', 'start', '--swarm-key', key)
    expect(await engine().docker('network', 'ls', '--filter', 'label=docker-ipfs.node', '--quiet')).not.toBe('')
    expect(await reachedFrom('host')).toContain(LOOPBACK)
    expect(await reachedFrom('bridge')).toEqual([])
    expect(await reachedFrom(USERS)).toEqual([])
    expect((await listening()).filter((address) => !address.startsWith(`${LOOPBACK}:`))).toEqual([])
  })
})
