import type { Rules } from '../catalogue/rules.ts'
import { parseCid } from '../dag/cid.ts'
import { DockerIpfsError, hasCode } from '../errors.ts'
import type { Report } from '../events.ts'
import { fullName } from '../image/name.ts'
import { type LookAtOptions, Looker, openAll } from './look.ts'
import { wantedCopies } from './policy.ts'
import { repair } from './repair.ts'
import { complete } from './seen.ts'

export interface BringUpOptions extends LookAtOptions {
  readonly rules: Rules
  readonly report: Report
  readonly wait: boolean
}

/**
 * Makes as many copies of an image as a rule wants, where one is for it.
 * @param name what the user calls it
 * @returns what is not as the rule wants it
 * @throws NODE_*
 */
export async function bringUp(
  root: string,
  name: string,
  options: BringUpOptions,
): Promise<DockerIpfsError | undefined> {
  const wanted = wantedCopies(await options.rules.all(options.signal), [fullName(name) ?? name])
  if (wanted === undefined || wanted < 2) return undefined
  const cid = parseCid(root)
  const held = await openAll(options)
  const looker = new Looker(held, options)
  const seen = await looker.look(cid)
  if (complete(seen) >= wanted) return undefined
  try {
    await repair(cid, name, { held, seen, wanted }, options)
  } catch (error) {
    if (!hasCode(error, 'COPIES_MISSING')) throw error
    return error
  }
  const found = complete(await looker.look(cid))
  if (found >= wanted) return undefined
  return new DockerIpfsError('COPIES_MISSING', `${name} is saved, and has ${found} of ${wanted} copies`, {
    hint: '"docker ipfs copies" says where it is; "docker ipfs remote add" names one more place.',
  })
}
