import { conformsAsPins } from '../../support/conformance/pins.ts'
import { MemoryNode } from '../../support/memory/node.ts'

conformsAsPins('a node in memory', () => new MemoryNode())
