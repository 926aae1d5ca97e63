import { afterEach, beforeAll, expect, test } from 'bun:test'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Engine } from '../support/engine.ts'
import { LocalUser } from '../support/local-user.ts'
import { useReal } from '../support/real.ts'
import { script } from '../support/scripts.ts'

// A new user types the README's quick start word by word, on two machines of one network, and reads what stands there.

const [A, B] = ['docker20-net', 'docker28-net'] as const
const BINARY = { DOCKER_IPFS_NODE: 'binary' }
const README = readFileSync(join(import.meta.dir, '../../README.md'), 'utf8')
/** What differs from build to build, and from machine to machine. */
const OTHERS = /\bbaf[a-z2-7]{50,}|\bk51[a-z0-9]{50,}|sha256:[0-9a-f]{64}|\b[0-9a-f]{12}\b|(?<=Loaded {2})\d+B/g

const real = useReal({ engines: [A, B] })
const users = new Map<string, LocalUser>()
let folder = ''
/** What the README's words are here. */
const here = new Map<string, string>()

beforeAll(async () => {
  const ipfs = (await script('kubo')).trim()
  await script('debian-image', real.engine(A).host, 'debian:bookworm')
  await connect(real.engine(A), real.engine(B))
  for (const [at, name] of [A, B].entries()) {
    const place = { folder: join(real.place.folder, name) }
    mkdirSync(place.folder)
    const user = new LocalUser(real.place, real.engine(name), { uid: 20_011 + at, ipfs, mayUseEngine: true })
    users.set(name, user)
  }
  folder = userOf(A).home
})

/** Before the place goes in which the users are. */
afterEach(async () => {
  const removed = await Promise.all([A, B].map((name) => userOf(name).ipfs(['node', 'rm', '--volumes'], BINARY)))
  expect(removed).toMatchObject([{ exitCode: 0 }, { exitCode: 0 }])
  await gives(real.engine(A), 'ip link delete street')
  // Those of a build lie on each other.
  for (const name of [A, B]) await real.engine(name).docker('image', 'prune', '--all', '--force')
})

function userOf(name: string): LocalUser {
  return users.get(name) as LocalUser
}

/** A cable between the machines of two engines. */
async function connect(one: Engine, other: Engine): Promise<void> {
  const ends = [one, other].entries()
  await gives(one, `ip link add street type veth peer name street netns ${other.pid}`)
  // Private addresses: on others Kubo's DHT of a local network does not work.
  for (const [at, end] of ends) {
    await gives(end, `ip address add 192.168.77.${at + 1}/24 dev street && ip link set street up`)
    await gives(end, `ip route add default via 192.168.77.${2 - at}`)
  }
}

async function gives(engine: Engine, command: string): Promise<void> {
  expect(await engine.inside(['sh', '-c', command]).finished).toMatchObject({ exitCode: 0 })
}

interface Step {
  readonly command: string
  readonly shown: readonly string[]
}

/** The commands of a part of the README, with what it says that they print. */
function stepsOf(heading: string): Step[] {
  const part = README.split(/^#+ /m).find((text) => text.startsWith(`${heading}\n`)) ?? ''
  const blocks = [...part.matchAll(/```console\n(.*?)```/gs)].map(([, text = '']) => text)
  return blocks.flatMap((text) =>
    `\n${text}`
      .split('\n$ ')
      .slice(1)
      .map((step) => {
        const [command = '', ...shown] = step.trimEnd().split('\n')
        return { command, shown }
      }),
  )
}

/** Runs a step, and holds what it prints against the README; learns what its words are here. */
async function follow(name: string, { command, shown }: Step): Promise<void> {
  const known = command.replace(OTHERS, (word) => here.get(word) ?? word)
  const user = userOf(name)
  const shell = ['sh', '-c', `cd "$HOME" && exec 2>&1 && ${known}`]
  const env = { DOCKER_HOST: real.engine(name).host, ...BINARY }
  const { exitCode, stdout } = await user.run(shell, { env })
  expect({ command, exitCode, stdout: exitCode === 0 ? '' : stdout }).toEqual({ command, exitCode: 0, stdout: '' })
  const lines = new Map(stdout.split('\n').map((line) => [line.replace(OTHERS, '#'), line]))
  // Figures of the network, and whether the engine takes long, are as they come.
  for (const line of shown.filter((one) => one !== '' && !/^(?:From the network|Unpacking)/.test(one))) {
    const found = lines.get(line.replace(OTHERS, '#'))
    expect({ command, line, stdout: found === undefined ? stdout : '' }).toEqual({ command, line, stdout: '' })
    const words = found?.match(OTHERS) ?? []
    for (const [at, word] of (line.match(OTHERS) ?? []).entries()) here.set(word, words[at] ?? '')
  }
}

test('the quick start does as it says, on a first and a second machine', async () => {
  const steps = stepsOf('Quick start')
  expect(steps.length).toBeGreaterThan(6)
  const dockerfile = steps.find(({ command }) => command === 'cat Dockerfile')
  write('Dockerfile', dockerfile?.shown.join('\n') ?? '')
  write('index.html', 'We sell apples.')
  for (const step of steps) {
    // The README says so in words.
    if (step.command.includes('shop:2') && step.command.startsWith('docker build')) {
      write('index.html', 'We sell apples and pears.')
    }
    await follow(A, step)
  }
  const there = stepsOf('On a second machine')
  const second = there.findIndex(({ command }) => command === 'docker ipfs node start --swarm-port 4001')
  expect(second).toBeGreaterThan(0)
  for (const step of there.slice(0, second)) await follow(A, step)
  for (const step of there.slice(second)) await follow(B, step)
}, 300_000)

function write(name: string, text: string): void {
  const path = join(folder, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${text}\n`, { mode: 0o644 })
}
