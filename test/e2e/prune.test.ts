import { beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { ENGINES } from '../support/engine.ts'
import { bulk, imageOf } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { fail } from '../support/scripts.ts'
import { stallingEngine } from '../support/stalling-engine.ts'
import { tarOf } from '../support/tar.ts'

// What loads leave on an engine that are killed at their end, and what prune makes of it.

const real = useReal({ engines: ENGINES, nodes: ['node'] })
const node = () => real.node()
/** Two steps of a load in steps, and one that is none. */
const layer = (name: string, bytes: number) => tarOf([{ path: name, body: bulk(bytes, name) }])
const LARGE = imageOf([layer('base', 17_000_000), layer('top', 17_000_000)])
const SMALL = imageOf([layer('small', 1_000_000)])
const roots = new Map<typeof LARGE, string>()

beforeAll(async () => {
  const engine = real.engine(ENGINES[0] ?? '')
  for (const image of [LARGE, SMALL]) roots.set(image, await engine.save(node(), await engine.give(image)))
})

describe.each(ENGINES)('on %s, prune', (name) => {
  const engine = () => real.engine(name)
  const rootOf = (image: typeof LARGE) => roots.get(image) ?? ''

  /** Kills a load between its image and its name; gives the image's ID. */
  async function killedAtTheEnd(image: typeof LARGE): Promise<string> {
    await engine().clear()
    await works('load', '-q', '--tag', 'known:1', rootOf(image))
    const id = await engine().docker('image', 'inspect', '--format', '{{.Id}}', 'known:1')
    await engine().clear()
    const at = join(real.place.folder, `${name}.sock`)
    const stalls = await stallingEngine(at, engine().socket, /\/tag\?repo=.*known/)
    const running = engine()
      .behind(stalls)
      .startIpfs(node(), ['load', '-q', '--tag', 'known:1', rootOf(image)])
    const plugin = await running.plugin()
    await stalls.reached
    kill(plugin ?? fail('the load has ended'))
    await running.finished
    stalls.close()
    expect(await engine().images()).toContain(`${id} <none>:<none>`)
    return id
  }

  async function works(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await engine().ipfs(node(), ...args)
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.not.stringContaining('ERROR') })
    return stdout
  }

  test.each([
    ['of one step', SMALL],
    ['in steps', LARGE],
  ])('takes what a load %s left that was killed at its end, and the image can be loaded again', async (_, image) => {
    const id = await killedAtTheEnd(image)
    const before = await engine().images()
    const planned = await works('prune', '--dry-run')
    expect(planned).toContain(`Would delete: ${id}\n`)
    expect(await engine().images()).toEqual(before)
    expect(await works('prune', '--force')).toContain(`Deleted: ${id}\n`)
    expect(await engine().images()).toEqual([])
    await works('load', '-q', '--tag', 'known:1', rootOf(image))
    expect(await engine().images()).toEqual([`${id} known:1`])
    expect(await works('prune', '--force')).not.toContain('Deleted: ')
    expect(await engine().images()).toEqual([`${id} known:1`])
  })

  test('leaves an image without a name that has a container, or that the node does not know', async () => {
    await engine().clear()
    const id = (await works('load', '-q', rootOf(SMALL))).trimEnd().replace('Loaded image ID: ', '')
    await engine().docker('container', 'create', '--name', 'keeps', id, '/none')
    const stranger = await engine().give(imageOf([layer('stranger', 1000)]))
    expect(await works('prune', '--dry-run')).not.toContain('Would delete: ')
    expect(await works('prune', '--force')).not.toContain('Deleted: ')
    expect((await engine().images()).toSorted()).toEqual(
      [`${id} <none>:<none>`, `${stranger} <none>:<none>`].toSorted(),
    )
    await engine().docker('container', 'rm', 'keeps')
    expect(await works('prune', '--force')).toContain(`Deleted: ${id}\n`)
    expect(await engine().images()).toEqual([`${stranger} <none>:<none>`])
  })

  test('leaves what lost its name to another build on a classic store, which tells; the node has it anyway', async () => {
    await engine().clear()
    await works('load', '-q', '--tag', 'app:1', rootOf(SMALL))
    const id = await engine().docker('image', 'inspect', '--format', '{{.Id}}', 'app:1')
    const next = await engine().give(imageOf([layer('next', 1000)]))
    await engine().docker('image', 'tag', next, 'app:1')
    const deleted = engine().isContainerd ? `Deleted: ${id}\n` : ''
    expect(await works('prune', '--force')).toMatch(new RegExp(`^${deleted}Total reclaimed space: `))
    const left = engine().isContainerd ? [] : [`${id} <none>:<none>`]
    expect((await engine().images()).toSorted()).toEqual([...left, `${next} app:1`].toSorted())
  })
})

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has just ended.
  }
}
