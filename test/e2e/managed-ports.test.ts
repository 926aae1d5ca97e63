import { afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ENGINES } from '../support/engine.ts'
import { GOLDEN_ROOTS } from '../support/images.ts'
import type { LocalUser } from '../support/local-user.ts'
import { useReal } from '../support/real.ts'
import { useTwoUsers } from '../support/two-users.ts'

// The ports of the node of our own are those of the machine: others may take them at any time.

const NET = `${ENGINES[0]}-net`

const real = useReal({ engines: [NET] })
const users = useTwoUsers(real, NET)
let tiny = ''
let first: LocalUser
let second: LocalUser
beforeAll(() => {
  ;({ tiny, first, second } = users())
})

type Kind = 'container' | 'binary'
const as = (kind: Kind) => ({ DOCKER_IPFS_NODE: kind })

interface State {
  readonly isRunning: boolean
  readonly api: string
  readonly gateway: string
}

async function stateOf(user: LocalUser, kind: Kind): Promise<State> {
  const { stdout } = await user.ipfs(['node', 'status', '--format', 'json'], as(kind))
  return JSON.parse(stdout)
}

/** What listens at a port until it is told to end. */
async function listenAt(port: string) {
  const up = Promise.withResolvers<void>()
  const code = `$| = 1; my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], Listen => 9, ReuseAddr => 1) or die "taken"; print "up\\n"; while (my $c = $s->accept) { close $c }`
  const listening = second.start(['perl', '-MIO::Socket::INET', '-e', code, port], { onStdout: () => up.resolve() })
  await Promise.race([up.promise, listening.finished])
  return {
    async close() {
      listening.end()
      await listening.finished
    },
  }
}

describe.each<Kind>(['container', 'binary'])('the ports of a node, as a %s,', (kind) => {
  afterEach(async () => {
    for (const [user, its] of [
      [first, kind],
      [second, 'binary'],
    ] as const)
      await user.ipfs(['node', 'rm', '-v'], as(its))
  })

  test('are two pairs where two users start at once', async () => {
    const saves = await Promise.all([
      first.ipfs(['node', 'start'], as(kind)),
      second.ipfs(['node', 'start'], as('binary')),
    ])
    for (const save of saves) expect(save).toMatchObject({ exitCode: 0 })
    const states = [await stateOf(first, kind), await stateOf(second, 'binary')]
    for (const { isRunning } of states) expect(isRunning).toBe(true)
    expect(new Set(states.flatMap(({ api, gateway }) => [api, gateway])).size).toBe(4)
    expect(await first.ipfs(['save', '-q', tiny], as(kind))).toMatchObject({ stdout: `${GOLDEN_ROOTS.tiny}\n` })
    expect(await second.ipfs(['ls', '-q'], as('binary'))).toMatchObject({ exitCode: 0, stdout: '' })
  })

  test.each(['api', 'gateway'] as const)(
    'are others where somebody took that of its %s while it was stopped, and its images stay',
    async (which) => {
      expect(await first.ipfs(['save', '-q', tiny], as(kind))).toMatchObject({ exitCode: 0 })
      await first.ipfs(['node', 'start', '--storage-max', '7GB'], as(kind))
      const before = await stateOf(first, kind)
      await first.ipfs(['node', 'stop'], as(kind))
      const taken = new URL(before[which]).port
      const listening = await listenAt(taken)
      try {
        expect(await first.ipfs(['node', 'start'], as(kind))).toMatchObject({ exitCode: 0 })
        const { isRunning, api, gateway } = await stateOf(first, kind)
        expect(isRunning).toBe(true)
        expect([api, gateway].map((url) => new URL(url).port)).not.toContain(taken)
        expect(await first.ipfs(['ls', '-q'], as(kind))).toMatchObject({ stdout: `${GOLDEN_ROOTS.tiny}\n` })
        expect((await first.ipfs(['node', 'status'], as(kind))).stdout).toMatch(/ of 7GB$/m)
      } finally {
        await listening.close()
      }
    },
  )
})

test.each<Kind>(['container', 'binary'])(
  'node rm --volumes leaves nothing in a home that had nothing: %s',
  async (kind) => {
    const home = join(first.home, `fresh-${kind}`)
    await first.run(['mkdir', home])
    const env = { ...as(kind), HOME: home }
    expect(await first.ipfs(['save', '-q', tiny], env)).toMatchObject({ exitCode: 0, stdout: `${GOLDEN_ROOTS.tiny}\n` })
    expect(await first.ipfs(['load', '-q', GOLDEN_ROOTS.tiny], env)).toMatchObject({ exitCode: 0 })
    await first.ipfs(['node', 'restart'], env)
    const files = async () => (await first.run(['find', home, '-mindepth', '1', '-type', 'f'])).stdout
    expect((await files()) === '').toBe(kind === 'container')
    expect(await first.ipfs(['node', 'rm', '--volumes'], env)).toMatchObject({ exitCode: 0 })
    expect(await files()).toBe('')
    expect((await first.run(['ls', '-A', home])).stdout).not.toContain('.ipfs')
    expect(await first.ipfs(['node', 'status'], env)).toMatchObject({
      stdout: expect.stringContaining('there is none'),
    })
  },
)

test.each(['API', 'Gateway'])(
  'a port that is taken when the process is about to have it is another: %s',
  async (which) => {
    const bin = join(first.home, 'bin')
    const port = `$(sed -n 's|.*"${which}": "/ip4/127.0.0.1/tcp/\\([0-9]*\\)".*|\\1|p' "$repo/config")`
    // What others do between two steps of ours: here before the first daemon alone.
    const wrapper = [
      '#!/bin/sh',
      `repo=$(echo "$1" | sed 's/--repo-dir=//')`,
      `if [ "$2" = daemon ] && ! [ -e ${bin}/port ]; then`,
      `  echo "${port}" > ${bin}/port`,
      `  while ! [ -e ${bin}/taken ]; do sleep 0.05; done`,
      'fi',
      // Where ordinary users get to it.
      `exec ${join(real.place.folder, 'shared/bin/ipfs')} "$@"`,
    ].join('\n')
    await first.run(['mkdir', '-p', bin])
    await first.run(['rm', '-f', `${bin}/port`, `${bin}/taken`])
    writeFileSync(join(bin, 'ipfs'), wrapper, { mode: 0o755 })
    const env = { ...as('binary'), PATH: `${bin}:${process.env['PATH']}` }
    const starting = first.ipfs(['node', 'start'], env)
    let taken = ''
    while (taken === '') {
      await Bun.sleep(20)
      taken = (await first.run(['cat', `${bin}/port`])).stdout.trim()
    }
    const listening = await listenAt(taken)
    try {
      await first.run(['touch', `${bin}/taken`])
      expect(await starting).toMatchObject({ exitCode: 0 })
      const { isRunning, api, gateway } = await stateOf(first, 'binary')
      expect(isRunning).toBe(true)
      expect([api, gateway].map((url) => new URL(url).port)).not.toContain(taken)
      expect(readFileSync(join(first.home, '.local/share/docker-ipfs/node/log'), 'utf8')).toContain(
        'address already in use',
      )
    } finally {
      await listening.close()
      await first.ipfs(['node', 'rm', '-v'], env)
    }
  },
)
