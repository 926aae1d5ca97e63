import { formatBytes, shortDigest } from '../units.ts'
import { findEndpoint, lookOnly, openDocker, openNode, openRemotes } from './adapters.ts'
import type { CompletionSources } from './complete.ts'
import type { Environment } from './environment.ts'
import { nodeSettings } from './settings.ts'

/** How long a shell waits for candidates, in milliseconds: longer than engine and node take, shorter than patience. */
const COMPLETION_MS = 1000

/** What completion asks engine and node. It starts neither, and whoever is late or not there has nothing to say. */
export function createSources(environment: Environment): CompletionSources {
  const signal = AbortSignal.timeout(COMPLETION_MS)
  const late = new Promise<never[]>((resolve) => {
    signal.addEventListener('abort', () => resolve([]))
  })
  const soon = <T>(ask: () => Promise<readonly T[]>) => Promise.race([ask().catch(() => []), late])
  return {
    images: () =>
      soon(async () => {
        const { engine } = await openDocker(environment, [])
        return (await engine.images(signal)).flatMap(({ names, id, bytes }) =>
          names.map((name) => ({ value: name, text: `${shortDigest(id)}, ${formatBytes(bytes)}` })),
        )
      }),
    remotes: () =>
      soon(async () => {
        const remotes = await (await openRemotes(environment)).all()
        return remotes.map(({ name, kind, url }) => ({ value: name, text: `${kind}, ${url}` }))
      }),
    kept: (api) =>
      soon(async () => {
        const [{ kept }, { managed }] = await Promise.all([import('../catalogue/kept.ts'), openDocker(environment, [])])
        const said = nodeSettings(environment.settings, api)
        const { catalogue } = await openNode(await findEndpoint(said, environment, lookOnly(managed, signal)))
        return kept({ catalogue, signal })
      }),
  }
}
