import type { Rules } from '../catalogue/rules.ts'
import type { CID } from '../dag/cid.ts'
import { DockerIpfsError } from '../errors.ts'
import { type LookAtOptions, Looker, openAll } from './look.ts'
import { wantedCopies } from './policy.ts'
import { LOCAL } from './remotes/remotes.ts'
import { complete, inShort } from './seen.ts'

export interface MayGoOptions extends LookAtOptions {
  readonly rules: Rules
}

/**
 * Whether an image may leave our node: where a rule is for it, as many others must have it, and prove that now. Without a rule nobody is asked.
 * @param names full names that it has
 * @throws COPIES_MISSING
 */
export async function mayGo(root: CID, names: readonly string[], options: MayGoOptions): Promise<void> {
  const wanted = wantedCopies(await options.rules.all(options.signal), names)
  if (wanted === undefined) return
  const held = (await openAll(options)).filter(({ place }) => place.name !== LOCAL)
  const seen = await new Looker(held, options).look(root)
  const others = complete(seen)
  if (others >= wanted) return
  const found = seen.length === 0 ? 'there is no other place' : seen.map(inShort).join(', ')
  const text = `${root} must stay: ${wanted} complete elsewhere are wanted, and ${others} found (${found})`
  throw new DockerIpfsError('COPIES_MISSING', text, {
    hint: '"docker ipfs push --to NAME IMAGE" makes more, "docker ipfs keep ls" shows the rules, --force removes it all the same.',
  })
}
