import { beforeAll, describe, expect, test } from 'bun:test'
import { ENGINES } from '../support/engine.ts'
import { bulk, digest, imageOf } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { tarOf } from '../support/tar.ts'

/** ROUNDS=50 for a night. */
const ROUNDS = Number(process.env['ROUNDS'] ?? 3)

/** What an engine says that has lost a part of an image on the way. */
const REMOVED =
  /^ERROR: (the image, or a part of it, was removed|the engine lacks a part of the image|the Docker engine answered: .*(not found|no such file|does not exist))/i

/** The base and the layer above are worth a step each, so that images of lower layers are there to be pruned, too. */
const layer = (name: string, bytes: number) => tarOf([{ path: name, body: bulk(bytes, name) }])
const SHARED = [layer('base', 17_000_000), layer('middle', 1_500_000)]
const IMAGES = ['a', 'b'].map((name) => imageOf([...SHARED, layer(name, 17_000_000)]))

const real = useReal({ engines: ENGINES, nodes: ['node'] })
const node = () => real.node()
const roots: string[] = []

beforeAll(async () => {
  const engine = real.engine(ENGINES[0] ?? '')
  for (const image of IMAGES) roots.push(await engine.save(node(), await engine.give(image)))
})

describe.each(ENGINES)('%s, loading two images of the same base while everything unused is pruned,', (name) => {
  test(
    `has no wrong image in ${ROUNDS} rounds`,
    async () => {
      const engine = real.engine(name)
      await engine.clear()
      let loaded = 0
      // Rounds in which nothing can come through prove little: later ones leave more time between two prunes.
      for (let round = 0; round < ROUNDS || (loaded === 0 && round < ROUNDS + 20); round += 1) {
        const loads = { over: false }
        const pruning = (async () => {
          while (!loads.over) {
            await real.place.run('docker', ['-H', engine.host, 'system', 'prune', '--all', '--force'])
            await Bun.sleep(Math.min(100 * round, 2000))
          }
        })()
        const runs = await Promise.all(
          roots.map((root, at) => engine.ipfs(node(), 'load', '-q', '--tag', `image:${at}`, root)),
        )
        loads.over = true
        await pruning
        for (const [at, run] of runs.entries()) {
          // Failing is allowed: an image may be removed as soon as it is there.
          if (run.exitCode === 0) expect(run).toMatchObject({ stdout: `Loaded image: image:${at}\n`, stderr: '' })
          else
            expect([run.exitCode, run.stdout, run.stderr]).toEqual([
              expect.any(Number),
              '',
              expect.stringMatching(REMOVED),
            ])
          loaded += Number(run.exitCode === 0)
          const id = await real.place.run('docker', ['-H', engine.host, 'image', 'inspect', `image:${at}`])
          if (id.exitCode !== 0) continue
          const { config, diffIds } = IMAGES[at] as (typeof IMAGES)[number]
          expect(await engine.contents(`image:${at}`)).toEqual({ config: digest(config), diffIds })
        }
        // What is left decides what the next round may leave out.
        if (round % 2 === 1) await engine.clear()
      }
      expect(loaded).toBeGreaterThan(0)
    },
    60_000 + ROUNDS * 30_000,
  )
})
