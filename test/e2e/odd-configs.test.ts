import { beforeEach, describe, expect, test } from 'bun:test'
import { ENGINES } from '../support/engine.ts'
import { archive20, archiveOci, contentsOf, GOLDEN, type TestImage } from '../support/images.ts'
import { useReal } from '../support/real.ts'

const real = useReal({ engines: ENGINES, nodes: ['node'] })
const node = () => real.node()
const path = (name: string) => `${real.place.folder}/${name}`

/** The tiny golden image, with more in its config; `more` is what stands in the JSON. */
function withConfig(more: string, run = '"Cmd":["/a"]'): TestImage {
  const image = GOLDEN.tiny()
  const { config, ...rest } = JSON.parse(image.config.toString()) as Record<string, unknown>
  return { ...image, config: Buffer.from(`${JSON.stringify(rest).slice(0, -1)},"config":{${run}}${more}}`) }
}
const running = (run: string) => withConfig('', run)

const ODD: readonly (readonly [string, TestImage])[] = [
  ['a command as a string', running('"Cmd":"/bin/sh"')],
  ['an entrypoint as a string', running('"Cmd":["/a"],"Entrypoint":"/bin/sh"')],
  ['a command as a number, and as a list', running('"Cmd":5,"cmd":["/a"]')],
  ['a command of nothing', running('"Cmd":[null,"/a"]')],
  ['ports as a list', running('"Cmd":["/a"],"ExposedPorts":["80"]')],
  ['volumes as a list', running('"Cmd":["/a"],"Volumes":["/data"]')],
  ['an environment as an object', running('"Cmd":["/a"],"Env":{"A":"b"}')],
  ['a label as a number', running('"Cmd":["/a"],"Labels":{"a":1}')],
  ['a user as a number', running('"Cmd":["/a"],"User":0')],
  ['a health check in words', running('"Cmd":["/a"],"Healthcheck":{"Interval":"30s"}')],
  ['a time to stop as a string', running('"Cmd":["/a"],"StopTimeout":"10"')],
  ['no time', withConfig(',"created":"yesterday"')],
  ['a time whose zone is odd', withConfig(',"created":"2024-01-01T00:00:00+0200"')],
  ['a time that is null', withConfig(',"created":null')],
  ['a history as an object', withConfig(',"history":{}')],
  ['an author as an object', withConfig(',"author":{"name":"x"}')],
  ['a system as a number', withConfig(',"OS":5')],
  ['a variant as a number', withConfig(',"variant":8')],
  ['what no engine knows', withConfig(',"unknown":{"os":5,"history":[5]}')],
  ['lists in one another', withConfig(`,"unknown":${'['.repeat(10_000)}${']'.repeat(10_000)}`)],
]

async function saved(image: TestImage): Promise<{ readonly root: string; readonly stderr: string }> {
  await Bun.write(path('odd.tar'), archive20(image))
  const save = ['-H', 'unix:///nowhere.sock', 'ipfs', 'save', '--no-cache', '-i', path('odd.tar')]
  const { exitCode, stdout, stderr } = await real.place.run('docker', save, { env: { DOCKER_IPFS_API: node().api } })
  expect(exitCode).toBe(0)
  return { root: stdout.trimEnd(), stderr }
}

describe.each(ENGINES)('%s, of an image with an odd config:', (name) => {
  const engine = () => real.engine(name)
  beforeEach(() => engine().clear())

  /** Whether `docker load` gives the engine an image of which it can make a container. */
  async function isTaken(image: TestImage): Promise<boolean> {
    await Bun.write(path('given.tar'), engine().isOld ? archive20(image) : archiveOci(image, 'plain'))
    const docker = (...args: string[]) => real.place.run('docker', ['-H', engine().host, ...args])
    const loaded = await docker('image', 'load', '-i', path('given.tar'))
    const id = /^Loaded image ID: (sha256:[0-9a-f]{64})$/m.exec(loaded.stdout)?.[1]
    if (id === undefined) return false
    const created = await docker('container', 'create', id, '/a')
    if (created.exitCode === 0) await engine().docker('container', 'rm', created.stdout.trimEnd())
    await engine().docker('image', 'rm', '--force', id)
    return created.exitCode === 0
  }

  test.each(ODD)('takes it where docker does, and is spared it else: %s', async (_, image) => {
    const taken = await isTaken(image)
    const { root, stderr } = await saved(image)
    if (!taken)
      expect(stderr).toMatch(/^WARNING: (no Docker engine|engines with a (containerd|classic) store) can(not)? load/m)
    if (taken) {
      const load = await engine().ipfs(node(), 'load', '-q', '--tag', 'odd:1', root)
      expect(load).toMatchObject({ exitCode: 0, stdout: 'Loaded image: odd:1\n', stderr: '' })
      // Byte by byte what was saved.
      expect(await engine().contents('odd:1')).toEqual(contentsOf(image))
      return
    }
    const refused = await real.leavingNothing(() => engine().ipfs(node(), 'load', '-q', root))
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' })
    expect(refused.stderr).toMatch(/^ERROR: the engine cannot read the config of the image: .+\nHave the tool .+\n$/)
  })

  test('finds out by itself what only some versions read', async () => {
    const image = running('"Cmd":["/a"],"Healthcheck":{"StartInterval":"5s"}')
    const taken = await isTaken(image)
    const { root } = await saved(image)
    if (taken) {
      expect(await engine().ipfs(node(), 'load', '-q', '--tag', 'odd:1', root)).toMatchObject({ exitCode: 0 })
      return
    }
    const refused = await real.leavingNothing(() => engine().ipfs(node(), 'load', '-q', root))
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' })
    const words = `(.+StartInterval.+${engine().isContainerd ? '|cannot read the config of the image\nHave the tool .+' : ''})`
    expect(refused.stderr).toMatch(new RegExp(`^ERROR: the (engine|Docker engine answered:) ${words}`))
    // It lists its images as before.
    expect(await engine().images()).toEqual([])
  })
})
