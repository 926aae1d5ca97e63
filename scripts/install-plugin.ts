/** Copies dist/docker-ipfs to where docker looks for plugins of this user: `$DOCKER_CONFIG/cli-plugins` or `~/.docker/cli-plugins`. */
import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const built = join(import.meta.dir, '..', 'dist', 'docker-ipfs')
const folder = join(process.env['DOCKER_CONFIG'] || join(homedir(), '.docker'), 'cli-plugins')
const target = join(folder, 'docker-ipfs')

if (!existsSync(built)) {
  console.error(`${built} is missing; run \`npm run build\` first`)
  process.exit(1)
}
mkdirSync(folder, { recursive: true })
// A running plugin keeps its old file, and docker never sees a half-written one.
const temporary = `${target}.${process.pid}.tmp`
try {
  copyFileSync(built, temporary)
  chmodSync(temporary, 0o755)
  renameSync(temporary, target)
} finally {
  rmSync(temporary, { force: true })
}
console.log(target)
