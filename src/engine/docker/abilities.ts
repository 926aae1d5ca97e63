import type { EngineAbilities } from '../engine.ts'

/**
 * The first engine that reads zstd layers; and the first whose classic store closes their decoder. Between them the decoder of a layer
 * that was not read to its end goes on to read, in a buffer that was given back: that is the end of dockerd (moby `pkg/archive`).
 */
const FIRST_WITH_ZSTD = { containerd: 23, classic: 28 }
/** moby `layer`, maxLayerDepth: of a classic store, whatever its driver. */
const CLASSIC_LAYERS = 125
/** The first engine whose containerd store tells what it has of an image (API 1.48), and is content with the rest. */
const FIRST_THAT_TELLS = 28

/** Containerd stores that show only images whose blobs are all there (moby `CheckContentAvailable`), from the first to the last. */
const LIST_WHOLE = [24, 26] as const

/** What an engine can do. This is the one place that knows versions: one without a number in front is taken for the oldest. */
export function abilitiesOf(version: string, containerdStore: boolean): EngineAbilities {
  const major = Number.parseInt(version, 10)
  const tellWhole = containerdStore && major >= FIRST_THAT_TELLS
  const [first, last] = LIST_WHOLE
  const listWhole = !containerdStore || (major >= first && major <= last)
  const readZstd = major >= FIRST_WITH_ZSTD[containerdStore ? 'containerd' : 'classic']
  const mostLayers = containerdStore ? Number.POSITIVE_INFINITY : CLASSIC_LAYERS
  return { readZstd, mostLayers, leaveOut: !containerdStore || tellWhole, tellWhole, listWhole, useRegistry: true }
}

/** The first engines with these versions of the API, in which what is asked of `abilitiesOf` came. */
const BY_API = [
  [1.48, FIRST_THAT_TELLS],
  [1.42, FIRST_WITH_ZSTD.containerd],
] as const

export function numberByApi(api: string): string {
  return String(BY_API.find(([first]) => Number(api) >= first)?.[1] ?? '')
}

/** Podman (seen with 4.3) takes whole archives only, whatever it has. It is sent plain layers, which every version of it reads. */
export const PODMAN: EngineAbilities = {
  readZstd: false,
  mostLayers: Number.POSITIVE_INFINITY,
  leaveOut: false,
  tellWhole: false,
  listWhole: true,
  useRegistry: false,
}
