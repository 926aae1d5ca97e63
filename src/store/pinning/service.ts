import { DockerIpfsError } from '../../errors.ts'
import { isObject } from '../../json.ts'
import type { Place } from '../places.ts'
import { ask, notYet, type PinningAccess, refused } from './request.ts'

/** A pinning service. Source: https://ipfs.github.io/pinning-services-api-spec/ (1.0) */
export function createServicePlace(access: PinningAccess): Place {
  return {
    name: access.name,
    kind: 'service',
    address: access.url,
    send: async () => notYet(access),
    look: async () => notYet(access),
    async check(signal) {
      const answer = await ask(access, { method: 'GET', path: '/pins?limit=1' }, signal)
      if (answer.status !== 200) throw refused(access, answer, wordsOf(answer.value))
      const { count, results } = answer.value ?? {}
      if (typeof count === 'number' && Array.isArray(results)) return `a pinning service, ${count} pinned`
      throw new DockerIpfsError('PLACE_FAILED', `what is at ${access.url} is no pinning service`, {
        hint: "Give the URL of its API, which its documents call endpoint; it is the part before '/pins'.",
      })
    },
  }
}

/** The API's words for an error: `{"error":{"reason":"INVALID_ORIGINS","details":"…"}}`. */
function wordsOf(value: Record<string, unknown> | undefined): string | undefined {
  const error = value?.['error']
  if (!isObject(error)) return undefined
  const words = [error['reason'], error['details']].filter((word) => typeof word === 'string' && word !== '')
  return words.length === 0 ? undefined : words.join(': ')
}
