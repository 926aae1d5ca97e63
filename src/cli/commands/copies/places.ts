import type { Place } from '../../../store/places.ts'
import type { CommandContext } from '../../command.ts'
import type { Option } from '../../options.ts'

/** `--to`, of commands that hand something to places. */
export const to = {
  name: 'to',
  type: 'list',
  takes: 'remote',
  description: 'Hand them to these places too (see docker ipfs remote; NAME[,NAME...])',
} as const satisfies Option

/** What the pin of a publication is called there. */
export const PUBLICATION = 'docker-ipfs publication'

/** They are opened before anything is saved, so that a name that is wrong costs nothing. */
export async function placesOf(names: readonly string[], context: CommandContext): Promise<Place[]> {
  if (names.length === 0) return []
  const [{ openPlaces }, { remotes }] = await Promise.all([import('../../../copies/send.ts'), context.remotes()])
  return openPlaces(names, remotes)
}
