import type { NodeHealth } from '../../src/store/kubo/health/health.ts'

/** A node where all is well, but for what a test says. */
export function nodeWith(other: Partial<NodeHealth>): NodeHealth {
  return {
    address: 'http://127.0.0.1:5001',
    source: 'the default',
    isSecretOpen: false,
    isManaged: false,
    toAnnounce: 'do this',
    version: async () => '0.43.0',
    isCluster: async () => false,
    isOpen: async () => true,
    peers: async () => 3,
    reachability: async () => 'public',
    denied: async () => [],
    storage: async () => ({ used: 1e9, limit: 10e9, free: 50e9 }),
    config: async (name) => (name === 'Routing' ? { Type: 'auto' } : {}),
    ...other,
  }
}
