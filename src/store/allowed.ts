import { hasCode } from '../errors.ts'

/** What a node does not allow to be asked is not known: undefined. For questions whose answers save work, and no more. */
export async function ifAllowed<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (hasCode(error, 'NODE_DENIED')) return undefined
    throw error
  }
}
