import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { ENGINES, type Engine } from '../support/engine.ts'
import { bulk, imageOf } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { tarOf } from '../support/tar.ts'

/** Times that each victim is killed, in each command. */
const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 2)

/** 100 MB in four layers, half of it text: enough for a middle. */
const image = () => {
  const text = (from: number) => Array.from({ length: 3000 }, (_, at) => `${from + at}: nothing to see here\n`).join('')
  return imageOf(
    [0, 1, 2, 3].map((layer) =>
      tarOf([
        ...Array.from({ length: 110 }, (_, at) => ({
          path: `usr/share/${layer}/${at}`,
          body: Buffer.from(text(layer * 1_000_000 + at * 10_000)),
        })),
        { path: `usr/lib/${layer}`, body: bulk(13_000_000, `big ${layer}`) },
      ]),
    ),
  )
}

const real = useReal({ engines: ENGINES, nodes: ['node'] })
const node = () => real.node()
const ids = new Map<string, string>()
/** How long a command takes that is left alone, by engine and command, in milliseconds. */
const durations = new Map<string, number>()
let root: string
let hits = 0
let turn = 0

beforeAll(async () => {
  const big = image()
  for (const name of ENGINES) {
    ids.set(name, await real.engine(name).give(big))
    root = (await save(real.engine(name))).trimEnd()
  }
})
afterAll(() => console.log(`killed in the middle: ${hits} of ${turn}; the others had ended before`))

/** Runs a command that must work; gives its stdout, and remembers how long it took. */
async function works(engine: Engine, command: 'save' | 'load', argument: string): Promise<string> {
  const run = await engine.ipfs(node(), command, '-q', argument)
  expect(run).toMatchObject({ exitCode: 0, stderr: '' })
  durations.set(`${engine.name} ${command}`, run.ms)
  return run.stdout
}

const save = (engine: Engine) => works(engine, 'save', ids.get(engine.name) ?? '')
const load = (engine: Engine) => works(engine, 'load', root)

/** Fails when a block of the image is not in the node's own repository. */
async function isWhole(): Promise<void> {
  const refs = await node().rpc(`refs?arg=${root}&recursive=true&unique=true&offline=true`)
  expect(refs.split('\n').filter((line) => /"Err":"[^"]/.test(line))).toEqual([])
}

/** Starts a command and kills the victim at a random moment of it. */
async function killedSomewhere(engine: Engine, command: 'save' | 'load', victim: Victim): Promise<string> {
  const argument = command === 'save' ? (ids.get(engine.name) ?? '') : root
  const running = engine.startIpfs(node(), [command, '-q', argument])
  const plugin = await running.plugin()
  const moment = Math.random() * (durations.get(`${engine.name} ${command}`) ?? 1000)
  await Promise.race([Bun.sleep(moment), running.finished])
  if (victim === 'plugin') {
    // It may have ended by itself.
    if (plugin !== undefined && (await Promise.race([running.finished, undefined])) === undefined) kill(plugin)
  } else {
    const part = victim === 'node' ? node() : engine
    part.kill()
  }
  const run = await running.finished
  turn++
  if (run.exitCode !== 0) hits++
  const what = `${command} on ${engine.name}, ${victim} killed after ${Math.round(moment)} ms: exit code ${run.exitCode}`
  // Docker and the children of docker end by themselves when the plugin has gone.
  const left = await real.place.processesLeft(5000)
  if (victim === 'node') await node().restart()
  if (victim === 'engine') await engine.restart()
  expect({ what, left, files: real.place.filesLeft() }).toEqual({ what, left: [], files: [] })
  if (victim !== 'plugin' && run.exitCode !== 0) expect(run.stderr).toStartWith('ERROR: ')
  return `${what}: ${run.stderr.split('\n')[0]}`
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has just ended.
  }
}

type Victim = 'plugin' | 'node' | 'engine'

describe.each(['plugin', 'node', 'engine'] as const)(
  `kill -9 of the %s, ${ROUNDS} times at a random moment`,
  (victim) => {
    const rounds = Array.from({ length: ROUNDS }, (_, round) => round + 1)

    test.each(rounds)(
      'in mid-save, round %d: nothing half is pinned, and saving again gives the same CID',
      async () => {
        const engine = real.engine(ENGINES[turn % ENGINES.length] ?? '')
        await node().empty()
        const what = await killedSomewhere(engine, 'save', victim)
        // Pinned it may be, since a victim can die after the pin. Then all of it is there.
        if ((await node().pins()).includes(root)) await isWhole()
        expect({ what, cid: await save(engine) }).toEqual({ what, cid: `${root}\n` })
        expect(await node().pins()).toEqual([root])
        await isWhole()
      },
    )

    test.each(rounds)('in mid-load, round %d: loading again gives the same image', async () => {
      const engine = real.engine(ENGINES[turn % ENGINES.length] ?? '')
      await engine.clear()
      const what = await killedSomewhere(engine, 'load', victim)
      const line = await load(engine)
      expect({ what, line }).toEqual({ what, line: expect.stringMatching(/^Loaded image ID: sha256:/) })
      ids.set(engine.name, line.trimEnd().slice('Loaded image ID: '.length))
      expect({ what, images: await engine.images() }).toEqual({
        what,
        images: [`${ids.get(engine.name)} <none>:<none>`],
      })
      // Saving reads every layer and holds it against its diffID.
      expect({ what, cid: await engine.save(node(), ids.get(engine.name) ?? '') }).toEqual({ what, cid: root })
      expect(await node().pins()).toEqual([root])
    })
  },
)

describe(`Ctrl-C, ${2 * ROUNDS} times at a random moment`, () => {
  const rounds = Array.from({ length: 2 * ROUNDS }, (_, round) => round + 1)

  test.each(rounds)('in mid-load, round %d: no pin is left, and no image that is not whole', async (round) => {
    const engine = real.engine(ENGINES[round % ENGINES.length] ?? '')
    await engine.clear()
    await node()
      .rpc(`pin/rm?arg=${root}`)
      .catch(() => undefined)
    const running = engine.startIpfs(node(), ['load', '-q', root])
    const moment = Math.random() * (durations.get(`${engine.name} load`) ?? 1000)
    await Promise.race([Bun.sleep(moment), running.finished])
    const early = await Promise.race([running.finished, undefined])
    if (early === undefined) running.signalAll('SIGINT')
    const { exitCode, stderr } = await running.finished
    const what = `load on ${engine.name}, Ctrl-C after ${Math.round(moment)} ms: exit code ${exitCode}, ${stderr}`
    expect({ what, left: await real.place.processesLeft(), files: real.place.filesLeft() }).toEqual({
      what,
      left: [],
      files: [],
    })
    if (exitCode === 0) return
    // Before the plugin is up, the signal ends it as any process: docker makes 255 of that, or does not know the command when it was
    // still asking the plugin who it is.
    const isDockers = exitCode === 255 ? stderr === '' : exitCode === 125 && /^Run 'docker --help'/m.test(stderr)
    expect({ what, exitCode, pins: await node().pins() }).toEqual({
      what,
      exitCode: isDockers ? exitCode : 130,
      pins: [],
    })
    for (const line of await engine.images()) expect(await engine.save(node(), line.split(' ')[0] ?? '')).toBe(root)
  })
})
