/**
 * Compiles src/main.ts to one binary and runs it: a build whose bytecode failed exits 0 and leaves a binary that cannot start.
 *
 *     bun scripts/build.ts [--target=bun-linux-arm64] [--outfile=dist/docker-ipfs]
 */
import { mkdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

const ROOT = join(import.meta.dir, '..')
const { values } = parseArgs({
  options: { target: { type: 'string' }, outfile: { type: 'string', default: 'dist/docker-ipfs' } },
})
const outfile = resolve(ROOT, values.outfile)
mkdirSync(dirname(outfile), { recursive: true })

const build = Bun.spawnSync(
  [
    process.execPath,
    'build',
    '--compile',
    '--bytecode', // with `esm` and `splitting`: three times faster to start than without
    '--format=esm',
    '--splitting',
    '--minify',
    ...(values.target === undefined ? [] : [`--target=${values.target}`]),
    `--outfile=${outfile}`,
    'src/main.ts',
  ],
  { cwd: ROOT, stdout: 'pipe', stderr: 'pipe' },
)
const said = build.stdout.toString() + build.stderr.toString()
if (build.exitCode !== 0 || /^error|failed to/im.test(said)) fail(said)
if (runsHere(values.target)) {
  expectOutput(['docker-cli-plugin-metadata'], '"SchemaVersion":"0.1.0"')
  expectOutput(['--help'], 'Usage:  docker ipfs COMMAND')
  expectOutput(['save', '--help'], 'Usage:  docker ipfs save')
} else {
  console.log(`not run: it is for ${values.target}`)
}
console.log(`${outfile}  ${(statSync(outfile).size / 1e6).toFixed(1)}MB`)

/** A cross-compiled binary cannot be run here. */
function runsHere(target: string | undefined): boolean {
  return target === undefined || target.startsWith(`bun-${process.platform}-${process.arch}`)
}

function expectOutput(args: readonly string[], expected: string): void {
  const run = Bun.spawnSync([outfile, ...args], { stdout: 'pipe', stderr: 'pipe', timeout: 10_000 })
  const stdout = run.stdout.toString()
  if (run.exitCode === 0 && stdout.includes(expected)) return
  fail(`the built file does not work: ${args.join(' ')} gave exit code ${run.exitCode}\n${stdout}${run.stderr}`)
}

function fail(text: string): never {
  console.error(text.trimEnd())
  process.exit(1)
}
