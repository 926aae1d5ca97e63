import { type Result, runEvent } from './event.ts'
import { type Event, eventOf } from './plan.ts'
import { createWorld, removeWorld, type World } from './world.ts'

export interface CampaignOptions {
  readonly engineName: string
  readonly seed: number
  /** Of the events, in their order. */
  readonly numbers: readonly number[]
  /** Ends the campaign after the event that runs. */
  readonly signal: AbortSignal
  onResult(result: Result): void
}

/** Runs events one after the other. After one that cannot be finished all is set up anew. */
export async function campaign({ engineName, seed, numbers, signal, onResult }: CampaignOptions): Promise<void> {
  let world: World | undefined
  try {
    for (const number of numbers) {
      if (signal.aborted) return
      const event = eventOf(seed, number)
      try {
        world ??= await createWorld(engineName)
        onResult(await runEvent(world, event))
      } catch (error) {
        if (world === undefined) throw error
        onResult(unfinished(event, error))
        await removeWorld(world)
        world = undefined
      }
    }
  } finally {
    if (world !== undefined) await removeWorld(world)
  }
}

function unfinished({ number, fault, steps }: Event, error: unknown): Result {
  const text = error instanceof Error ? error.message : `${error}`
  return {
    number,
    fault,
    commands: steps.map(({ command, image }) => `${command} ${image}`),
    moment: 0,
    exitCodes: [],
    said: [],
    findings: [{ column: 'did not work afterwards', text: `the event could not be finished: ${text}` }],
    told: [],
    seconds: 0,
  }
}
