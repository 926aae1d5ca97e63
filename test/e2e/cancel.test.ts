import { beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { ENGINES, type Engine } from '../support/engine.ts'
import { archive20, GOLDEN, GOLDEN_ROOTS, imageOf, noise } from '../support/images.ts'
import type { Api } from '../support/kubo-node.ts'
import type { Finished, Running, StartOptions } from '../support/place.ts'
import { useReal } from '../support/real.ts'
import { type Relay, relay, type Stall } from '../support/relay.ts'
import { script } from '../support/scripts.ts'
import { tarOf } from '../support/tar.ts'

const LARGE = GOLDEN.large()
const root = GOLDEN_ROOTS.large
const real = useReal({ engines: ENGINES, nodes: ['node'] })
const node = () => real.node()

/** Where the transfer stands still when it is cancelled: it passes through a relay that stops after some bytes. */
type Middle = 'engine sends' | 'engine receives' | 'node sends' | 'node receives'

async function standingStill(engine: Engine, middle: Middle): Promise<{ at: Relay; engine: Engine; node: Api }> {
  const stall: Stall = { from: middle.endsWith('receives') ? 'caller' : 'called', after: 2_000_000 }
  if (middle.startsWith('node')) {
    const at = await relay({ port: 0 }, { port: node().port }, stall)
    return { at, engine, node: at }
  }
  const at = await relay({ path: `${real.place.folder}/relay.sock` }, { path: engine.socket }, stall)
  return { at, engine: engine.behind(at), node: node() }
}

/** Cancels a command in the middle, in one way or another; afterwards all is as it was before. */
async function cancelled(
  engine: Engine,
  middle: Middle,
  args: readonly string[],
  cancel: (running: Running) => void | Promise<void>,
  options?: StartOptions,
): Promise<Finished> {
  return real.leavingNothing(async () => {
    const middleOf = await standingStill(engine, middle)
    const running = middleOf.engine.startIpfs(middleOf.node, args, options)
    try {
      const early = await Promise.race([middleOf.at.reached, running.finished])
      expect(early).toBeUndefined()
      const from = performance.now()
      await cancel(running)
      const result = await Promise.race([running.finished, Bun.sleep(20_000)])
      if (result === undefined) throw new Error('it did not end')
      return { ...result, ms: performance.now() - from }
    } finally {
      running.end()
      middleOf.at.close()
    }
  })
}

const ctrlC = (running: Running) => running.signalAll('SIGINT')
const CANCELLED = { exitCode: 130, stdout: '', stderr: 'cancelled\n' }
/** Milliseconds; a docker that has to be killed would take 5 s. */
const PROMPT = 3000

describe.each(ENGINES)('%s: Ctrl-C', (name) => {
  const engine = () => real.engine(name)
  let id: string

  beforeEach(async () => {
    await engine().clear()
    id = await engine().give(LARGE)
    await engine().save(node(), id)
    // The blocks are there, the pin is not, so that a pin that is left behind shows.
    await node().rpc(`pin/rm?arg=${root}`)
  })

  test.each(['engine sends', 'node receives'] as const)('during save, while the %s', async (middle) => {
    const result = await cancelled(engine(), middle, ['save', '-q', '--no-cache', id], ctrlC)
    expect(result).toMatchObject(CANCELLED)
    expect(result.ms).toBeLessThan(PROMPT)
    expect(await engine().save(node(), id)).toBe(root)
  })

  test.each(['node sends', 'engine receives'] as const)('during load, while the %s', async (middle) => {
    await engine().clear()
    const load = () => cancelled(engine(), middle, ['load', '-q', root], ctrlC)
    const result = middle === 'node sends' ? await node().byApiAlone(load) : await load()
    expect(result).toMatchObject(CANCELLED)
    expect(result.ms).toBeLessThan(PROMPT)
    expect(await engine().images()).toEqual([])
    expect(await node().pins()).toEqual([])
    expect(await engine().ipfs(node(), 'load', '-q', root)).toMatchObject({ exitCode: 0 })
  })

  test('during load keeps a pin, and the images, that were there before', async () => {
    // An engine that has, or just had, the image would be sent nothing, so that there would be no middle.
    const file = `${real.place.folder}/own.tar`
    await Bun.write(file, archive20(imageOf([tarOf([{ path: 'own', body: noise(6_000_000, name) }])])))
    const own = (await engine().ipfs(node(), 'save', '-q', '-i', file)).stdout.trim()
    await engine().clear()
    await engine().give(GOLDEN.tiny())
    const before = await engine().images()
    const result = await node().byApiAlone(() => cancelled(engine(), 'node sends', ['load', '-q', own], ctrlC))
    expect(result).toMatchObject(CANCELLED)
    expect(await engine().images()).toEqual(before)
    expect(await node().pins()).toEqual([own])
    await node().rpc(`pin/rm?arg=${own}`)
  })
})

describe('cancelled otherwise', () => {
  const engine = () => real.engine(ENGINES[0] ?? '')
  let id: string

  beforeAll(async () => {
    id = await engine().give(LARGE)
  })

  test.each(['SIGINT', 'SIGTERM'] as const)('%s for docker alone reaches the plugin', async (signal) => {
    const result = await cancelled(engine(), 'node receives', ['save', '-q', '--no-cache', id], ({ pid }) => {
      process.kill(pid, signal)
    })
    expect(result).toMatchObject(CANCELLED)
    expect(result.ms).toBeLessThan(PROMPT)
  })

  test('SIGTERM for the plugin is exit code 143', async () => {
    const result = await cancelled(engine(), 'node receives', ['save', '-q', '--no-cache', id], async ({ plugin }) => {
      process.kill((await plugin()) ?? 0, 'SIGTERM')
    })
    expect(result).toMatchObject({ ...CANCELLED, exitCode: 143 })
  })

  test('Ctrl-C with the client of docker 20.10, which has no plugin socket', async () => {
    const old = (await script('engine', 'fetch', 'docker20')).trim()
    const options = { env: { PATH: `${old}/bin:${process.env['PATH']}` } }
    const args = ['save', '-q', '--no-cache', id]
    expect(await cancelled(engine(), 'node receives', args, ctrlC, options)).toMatchObject(CANCELLED)
    expect(await engine().startIpfs(node(), args, options).finished).toMatchObject({ exitCode: 0, stdout: `${root}\n` })
  })

  test('Ctrl-C on a terminal takes the bars away and ends', async () => {
    await real.leavingNothing(async () => {
      const middle = await standingStill(engine(), 'engine sends')
      const command = `docker -H ${middle.engine.host} ipfs save --no-cache ${id}`
      const running = real.place.start('script', ['-qefc', command, '/dev/null'], {
        env: { DOCKER_IPFS_API: middle.node.api, TERM: 'xterm' },
        stdin: 'pipe',
      })
      expect(await Promise.race([middle.at.reached, running.finished])).toBeUndefined()
      // Bars are drawn every 100 ms.
      await Bun.sleep(300)
      running.type('\x03')
      const result = await Promise.race([running.finished, Bun.sleep(20_000)])
      running.end()
      middle.at.close()
      if (result === undefined) throw new Error('it did not end')
      expect(result.exitCode).toBe(130)
      expect(result.stdout).toContain('[=')
      expect(result.stdout.trimEnd()).toEndWith('cancelled')
    })
  })
})
