import { afterAll } from 'bun:test'
import { removeEngines } from './real.ts'

// Preloaded by bunfig.toml, so that this runs after the last test file and not after each. With `bun test --parallel` it would run
// after each all the same: there, who starts the tests ends the engines (scripts/test).
if (!process.env['DOCKER_IPFS_KEEP_ENGINES']) afterAll(removeEngines, 120_000)
