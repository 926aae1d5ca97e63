import { familiarName, repositoryOf } from '../image/name.ts'

export { familiarName } from '../image/name.ts'

/** Both parts of a full name as docker shows them; `<none>` for an image without a name. */
export function repositoryAndTag(name: string | undefined): { readonly repository: string; readonly tag: string } {
  if (name === undefined) return { repository: '<none>', tag: '<none>' }
  return { repository: familiarName(repositoryOf(name)), tag: name.slice(name.lastIndexOf(':') + 1) }
}
