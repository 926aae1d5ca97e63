/** One event: a command with a fault in it, what came of that, and the same command once more. */
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Finished, Running } from '../../test/support/place.ts'
import {
  type Before,
  checkEngine,
  checkNode,
  checkRuns,
  checkTraces,
  type Finding,
  Findings,
  lookBefore,
} from './check.ts'
import { argumentsOf, faultOfOutput, loads, prepare } from './commands.ts'
import { isLarge } from './images.ts'
import { inject } from './inject.ts'
import type { Event, Step } from './plan.ts'
import { namesInMfs, namesOnNode, pinsOnNode } from './state.ts'
import type { World } from './world.ts'

/** No command takes longer, whatever happens; milliseconds. */
const LIMIT_MS = 120_000

export interface Result {
  readonly number: number
  readonly fault: string
  readonly commands: readonly string[]
  /** Milliseconds after the beginning. */
  readonly moment: number
  readonly exitCodes: readonly number[]
  /** First line of what each said on stderr. */
  readonly said: readonly string[]
  readonly findings: readonly Finding[]
  readonly told: readonly string[]
  /** Of all of the event. */
  readonly seconds: number
}

/** All is saved, and there is nobody to tell of it here: of a push. */
const NOT_ANNOUNCED = 6

/** How long commands take that are left alone, in milliseconds; learnt as they run. */
const durations = new Map<string, number>()

function durationOf({ command, image }: Step): number {
  return durations.get(`${command} ${isLarge(image)}`) ?? (isLarge(image) ? 2500 : 500)
}

export async function runEvent(world: World, event: Event): Promise<Result> {
  const began = performance.now()
  const found = new Findings()
  await prepare(world, event)
  const before = await lookBefore(world)
  const moment = event.moment * Math.max(...event.steps.map(durationOf))
  const ended = await runWithFault(world, event, moment)
  const runs = ended.map((run) => (run.exitCode === NOT_ANNOUNCED ? { ...run, exitCode: 0 } : run))
  await checkAll(world, event, before, runs, found)
  await runAgain(world, event, before, found)
  await tidy(world, found)
  return {
    number: event.number,
    fault: event.fault,
    commands: event.steps.map(({ command, image }) => `${command} ${image}`),
    moment: Math.round(moment),
    exitCodes: runs.map(({ exitCode }) => exitCode),
    said: runs.map(({ stderr }) => stderr.split('\n')[0]?.slice(0, 200) ?? ''),
    findings: found.faults,
    told: found.told,
    seconds: Math.round((performance.now() - began) / 100) / 10,
  }
}

async function runWithFault(world: World, event: Event, moment: number): Promise<Finished[]> {
  const fault = await inject(world, event)
  const node = event.fault.startsWith('API') ? { api: `/ip4/127.0.0.1/tcp/${world.api.port}` } : world.node
  const runs = event.steps.map((step) => world.engine.startIpfs(node, argumentsOf(world, step, event.fault)))
  const finished = Promise.all(runs.map((run) => inTime(run)))
  try {
    if (fault.strike !== undefined) {
      await Promise.race([Bun.sleep(moment), finished])
      await fault.strike(runs)
    }
    return await finished
  } finally {
    await fault.heal()
  }
}

async function inTime(run: Running): Promise<Finished> {
  const timer = setTimeout(() => run.end(), LIMIT_MS)
  return run.finished.finally(() => clearTimeout(timer))
}

async function checkAll(world: World, event: Event, before: Before, runs: readonly Finished[], found: Findings) {
  for (const { ms } of runs) if (ms >= LIMIT_MS) found.add('processes left', `not over after ${LIMIT_MS / 1000} s`)
  await checkTraces(world, event, found)
  await checkRuns(world, event, runs, found)
  await checkNode(world, event, before, found, false)
  await checkEngine(world, event, before, found)
}

/** The same without a fault, which must work. */
async function runAgain(world: World, event: Event, before: Before, found: Findings): Promise<void> {
  for (const step of event.steps) {
    const there = await namesInMfs(world)
    if (['rm', 'publish'].includes(step.command) && !there.has(step.image)) continue
    if (['save', 'save -o', 'push'].includes(step.command)) await world.images.give(step.image)
    const run = await world.engine.ipfs(world.node, ...argumentsOf(world, step, undefined))
    const key = `${step.command} ${isLarge(step.image)}`
    durations.set(key, ((durations.get(key) ?? run.ms) + run.ms) / 2)
    if (run.exitCode !== 0 && run.exitCode !== NOT_ANNOUNCED) {
      found.add('did not work afterwards', `${step.command} ${step.image}: ${run.exitCode}: ${run.stderr.trim()}`)
    }
    found.add('wrong images', await faultOfOutput(world, step, run))
    if (loads(step) && run.exitCode === 0) found.add('wrong images', await world.images.faultOf(step.image))
  }
  if (found.faults.length === 0) await checkNode(world, event, before, found, true)
}

/** Takes away what may stay behind, so that it is counted once. */
async function tidy(world: World, found: Findings): Promise<void> {
  for (const { id, names } of await world.images.list()) if (names.length === 0) await world.images.remove(id)
  for (const file of readdirSync(world.out)) rmSync(join(world.out, file), { force: true })
  if (found.faults.length + found.told.length === 0) return
  const names = await namesOnNode(world)
  for (const [name, cid] of names) {
    if (name.startsWith('<none>')) await world.engine.ipfs(world.node, 'rm', cid)
  }
  const listed = new Set((await namesOnNode(world)).values())
  const { recursive } = await pinsOnNode(world)
  for (const cid of recursive) if (!listed.has(cid)) await world.node.rpc(`pin/rm?arg=${cid}`)
}
