import { afterAll } from 'bun:test'
import { removeEngines } from './real.ts'

// Preloaded by bunfig.toml, so that this runs after the last test file and not after each.
afterAll(removeEngines, 120_000)
