import { isIP } from 'node:net'
import { isLoopback } from '../loopback.ts'
import type { Peer } from '../routing.ts'

/** Addresses that services take: some refuse all others with INVALID_ORIGINS. */
const PLAIN = /^\/(ip[46]|dns[46]?)\/([\w.:-]+)\/(?:tcp\/\d+|udp\/\d+\/quic-v1)\/p2p\/([1-9A-HJ-NP-Za-km-z]{40,64})$/
/** What the API allows. */
const MOST = 20

/** The plain ones of some multiaddrs. Private ones are for a service on this machine or network only: nobody else gets there, or hears of them. */
export function plainAddresses(addresses: readonly unknown[], serviceUrl: string): string[] {
  const isNear = isPrivateHost(URL.parse(serviceUrl)?.hostname ?? '') || isLoopback(serviceUrl)
  return addresses
    .filter((text): text is string => {
      const [, kind = '', host = ''] = (typeof text === 'string' && PLAIN.exec(text)) || []
      return kind !== '' && (isNear || kind.startsWith('dns') || !isPrivateHost(host))
    })
    .slice(0, MOST)
}

/** Addresses, by the nodes that they lead to. */
export function peersOf(addresses: readonly string[]): Peer[] {
  const byId = Map.groupBy(addresses, (address) => address.slice(address.lastIndexOf('/') + 1))
  return [...byId].map(([id, its]) => ({ id, addresses: its }))
}

/** An IP address that is not one of the internet's. A name is none. */
function isPrivateHost(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '')
  if (isIP(bare) === 6) return /^(?:::|::1|f[cde][0-9a-f]{2}:.*|::ffff:.*)$/i.test(bare)
  if (isIP(bare) === 0) return false
  const [a = 0, b = 0] = bare.split('.').map(Number)
  if (a === 0 || a === 10 || a === 127 || a >= 224) return true
  return (
    (a === 100 && b >= 64 && b < 128) ||
    (a === 169 && b === 254) ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168)
  )
}
