/** The faults: each begins with a command, or in the middle of it, and is over when it is healed. */
import type { Running } from '../../test/support/place.ts'
import type { Way } from '../../test/support/toxiproxy.ts'
import { isLarge } from './images.ts'
import type { Event, Fault } from './plan.ts'
import { containerdPid, joinFar, nodeAnswers, type World } from './world.ts'

/** Bytes that are left on a disk that is full. */
const LEFT = [0, 0, 20_000, 300_000, 2_000_000]

/** Each way: a load takes some seconds. */
const SLOW = { small: { latency: 30, rate: 1000 }, large: { latency: 10, rate: 10_000 } }

interface Injected {
  /** At the moment of the event; the commands run. */
  strike?(runs: readonly Running[]): Promise<void>
  /** Once the commands have ended. */
  heal(): Promise<void>
}

/** Begins a fault. */
export async function inject(world: World, event: Event): Promise<Injected> {
  const begin: Readonly<Record<Fault, () => Injected | Promise<Injected>>> = {
    'plugin killed': () => ({
      strike: async ([run]) => {
        const pid = await run?.plugin()
        if (pid !== undefined) kill(pid)
      },
      heal: async () => undefined,
    }),
    cancelled: () => ({ strike: async ([run]) => signal(run), heal: async () => undefined }),
    'node killed': () => ({ strike: async () => world.node.kill(), heal: () => restartNode(world) }),
    'engine killed': () => ({ strike: async () => world.engine.kill(), heal: () => world.engine.restart() }),
    'containerd killed': () => ({
      strike: async () => kill(containerdPid(world.engine)),
      heal: async () => {
        // Without it, dockerd takes its time to stop.
        world.engine.kill()
        await world.engine.restart()
      },
    }),
    "node's disk full": () => fullDisk(world, event, 'node'),
    "engine's disk full": () => fullDisk(world, event, 'engine'),
    'API cut': () => cut(world.api, event, async () => undefined),
    'API slow': () => slow(world.api, event),
    'network cut': () => cut(world.network, event, () => joinFar(world)),
    'network slow': () => slow(world.network, event),
    'GC of the node': () => looped(() => world.node.rpc('repo/gc'), 0),
    'prune of the engine': () => looped(() => world.engine.docker('system', 'prune', '--all', '--force'), 200),
    'two at once': () => ({ heal: async () => undefined }),
  }
  return begin[event.fault]()
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has just ended.
  }
}

function signal(run: Running | undefined): void {
  try {
    run?.signalAll('SIGINT')
  } catch {
    // It has just ended.
  }
}

async function restartNode(world: World): Promise<void> {
  await world.node.restart()
  await joinFar(world)
}

/** Full from the moment on, or from the beginning. */
async function fullDisk(world: World, event: Event, which: 'engine' | 'node'): Promise<Injected> {
  const disk = world.disks[which]
  const [, , , , size = 0, early = 0] = event.chances
  const fill = () => disk.fill(LEFT[Math.floor(size * LEFT.length)] ?? 0)
  if (early < 0.3) await fill()
  return {
    strike: async () => (early < 0.3 ? undefined : fill()),
    heal: async () => {
      disk.clear()
      // Its database refuses every write from then on, until it is started again.
      if (which === 'node' || !(await nodeAnswers(world))) {
        await world.node.stop()
        await restartNode(world)
      }
      await world.engine.docker('version').catch(() => world.engine.restart())
    },
  }
}

/** Shut from the moment on: for half a second, or until all is over. */
function cut(way: Way, event: Event, after: () => Promise<void>): Injected {
  const isShort = (event.chances[4] ?? 0) < 0.4
  const open = async () => {
    await way.open()
    await after()
  }
  return {
    strike: async () => {
      await way.shut()
      if (!isShort) return
      await Bun.sleep(500)
      await open()
    },
    heal: open,
  }
}

async function slow(way: Way, { steps }: Event): Promise<Injected> {
  await way.trouble(steps.some(({ image }) => isLarge(image)) ? SLOW.large : SLOW.small)
  return { heal: () => way.calm() }
}

/** Does something again and again. */
function looped(act: () => Promise<unknown>, pauseMs: number): Injected {
  let isOver = false
  const loop = (async () => {
    while (!isOver) {
      await act()
      await Bun.sleep(pauseMs)
    }
  })()
  loop.catch(() => undefined)
  return {
    heal: async () => {
      isOver = true
      await loop
    },
  }
}
