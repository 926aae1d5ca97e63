import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { ENGINES, ENGINES_LEAVING_OUT } from '../support/engine.ts'
import { bulk, digest, imageOf } from '../support/images.ts'
import type { Running } from '../support/place.ts'
import { useReal } from '../support/real.ts'
import { type Relay, relay } from '../support/relay.ts'
import { tarOf } from '../support/tar.ts'

const layer = (name: string, bytes: number) => tarOf([{ path: `data/${name}`, body: bulk(bytes, name) }])
/** Each layer is worth a step of its own. */
const IMAGE = imageOf([layer('lower', 17_000_000), layer('upper', 25_000_000)])
/** Bytes of a connection after which the upper layer is on its way, and the lower one has come whole. */
const BEHIND_LOWER = 20_000_000

const real = useReal({ engines: ENGINES, nodes: ['node'] })
const node = () => real.node()
const whole = { config: digest(IMAGE.config), diffIds: IMAGE.diffIds }
let root = ''

beforeAll(async () => {
  const engine = real.engine(ENGINES[0] ?? '')
  root = await engine.save(node(), await engine.give(IMAGE))
})

// Others are given all in one archive.
describe.each(ENGINES_LEAVING_OUT)('%s, which unpacks the lower layer already,', (name) => {
  const engine = () => real.engine(name)
  let middle: Relay
  let running: Running

  /** Starts a load, and gives what the engine has while the upper layer is under way. */
  async function inBetween(): Promise<string[]> {
    running = engine().behind(middle).startIpfs(node(), ['load', root])
    expect(await Promise.race([middle.reached, running.finished])).toBeUndefined()
    for (let looks = 0; looks < 200; looks += 1) {
      const images = await engine().images()
      if (images.length > 0) return images
      await Bun.sleep(50)
    }
    throw new Error('the engine has no image of the lower layer')
  }

  beforeEach(async () => {
    await engine().clear()
    await node()
      .rpc(`pin/rm?arg=${root}`)
      .catch(() => undefined)
    const stall = { from: 'caller', after: BEHIND_LOWER } as const
    middle = await relay({ path: `${real.place.folder}/steps.sock` }, { path: engine().socket }, stall)
  })
  afterEach(() => {
    running.end()
    middle.close()
  })

  test('has an image of it alone, and at the end the whole image and nothing else', async () => {
    const lower = await inBetween()
    expect(lower).toEqual([expect.stringMatching(/^sha256:\w+ <none>:<none>$/)])
    const said = await engine().docker(
      'image',
      'inspect',
      '-f',
      '{{json .RootFS.Layers}} {{.Author}}',
      lower[0]?.split(' ')[0] ?? '',
    )
    expect(said).toBe(`["${IMAGE.diffIds[0]}"] docker-ipfs: the lowest 1 layers of ${whole.config}, while it is loaded`)
    middle.release()
    expect(await running.finished).toMatchObject({ exitCode: 0 })
    expect(await engine().onlyContents()).toEqual(whole)
    expect(await node().pins()).toEqual([root])
  })

  test('has nothing after Ctrl-C', async () => {
    await real.leavingNothing(async () => {
      await inBetween()
      running.signalAll('SIGINT')
      expect(await running.finished).toMatchObject({
        exitCode: 130,
        stdout: '',
        stderr: expect.stringMatching(/cancelled\n$/),
      })
    })
  })

  test('has nothing when its connection breaks', async () => {
    await real.leavingNothing(async () => {
      await inBetween()
      middle.cut()
      expect(await running.finished).toMatchObject({ stdout: '' })
    })
  })

  test('is not sent it again when the load was killed and is repeated, and then has the image alone', async () => {
    await inBetween()
    process.kill((await running.plugin()) ?? 0, 'SIGKILL')
    await running.finished
    // What stands between does not see it: the engine would go on waiting.
    middle.cut()
    expect(await engine().images()).toHaveLength(1)
    const again = await engine().ipfs(node(), 'load', root)
    expect(again).toMatchObject({ exitCode: 0 })
    expect(again.stderr).toContain(`${IMAGE.diffIds[0]?.slice(7, 19)}: Already exists`)
    expect(await engine().onlyContents()).toEqual(whole)
  })

  test('has the whole image though somebody removes what has no name', async () => {
    await inBetween()
    await engine().docker('image', 'prune', '--force')
    expect(await engine().images()).toEqual([])
    middle.release()
    const run = await running.finished
    expect(run).toMatchObject({ exitCode: 0 })
    // A containerd store may still have the blob by then.
    if (!engine().isContainerd) expect(run.stderr).toContain(': sending all layers\n')
    expect(await engine().onlyContents()).toEqual(whole)
  })
})
