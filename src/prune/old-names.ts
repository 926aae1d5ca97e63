import { type CatalogueImage, type ListOptions, list } from '../catalogue/list.ts'
import { repositoryOf } from '../image/name.ts'

/** Which names are old: those that are neither among the last of their repository, nor young enough. Without both none is. */
export interface Age {
  /** Names of each repository that stay, those whose images were saved last. */
  readonly keepLast?: number | undefined
  /** Names of images that were saved since then stay; milliseconds since 1970. */
  readonly until?: number | undefined
}

/** Full names of the catalogue. One whose record does not say when it was saved is never old. */
export async function oldNames(options: ListOptions & Age): Promise<string[]> {
  const { keepLast, until } = options
  if (keepLast === undefined && until === undefined) return []
  const { images } = await list(options)
  const dated = images.flatMap(({ name, record }) => {
    const savedAt = savedAtOf(record)
    return name === undefined || savedAt === undefined ? [] : [{ name, savedAt }]
  })
  const byRepository = Map.groupBy(dated, ({ name }) => repositoryOf(name))
  return [...byRepository.values()].flatMap((names) =>
    names
      .toSorted((a, b) => b.savedAt - a.savedAt || (a.name < b.name ? 1 : -1))
      .slice(keepLast ?? 0)
      .filter(({ savedAt }) => until === undefined || savedAt < until)
      .map(({ name }) => name),
  )
}

function savedAtOf(record: CatalogueImage['record']): number | undefined {
  const time = Date.parse(record?.savedAt ?? '')
  return Number.isNaN(time) ? undefined : time
}
