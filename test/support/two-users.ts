import { beforeAll } from 'bun:test'
import { GOLDEN } from './images.ts'
import { LocalUser } from './local-user.ts'
import type { Real } from './real.ts'
import { script } from './scripts.ts'

/** What a node of our own is made from. */
export const KUBO_IMAGE = 'ipfs/kubo:v0.43.0'

/** Two ordinary users of one machine, of whom the first may use its engine, which has a small image and that of a node. */
export interface TwoUsers {
  readonly first: LocalUser
  readonly second: LocalUser
  /** ID of the image. */
  readonly tiny: string
}

/** They are there once the tests of a file begin. */
export function useTwoUsers(real: Real, engine: string): () => TwoUsers {
  let users: TwoUsers
  beforeAll(async () => {
    const on = real.engine(engine)
    const ipfs = (await script('kubo')).trim()
    await script('kubo-image', on.host, KUBO_IMAGE)
    users = {
      tiny: await on.give(GOLDEN.tiny()),
      first: new LocalUser(real.place, on, { uid: 20001, ipfs, mayUseEngine: true }),
      second: new LocalUser(real.place, on, { uid: 20002, ipfs, mayUseEngine: false }),
    }
  })
  return () => users
}
