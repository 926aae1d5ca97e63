/**
 * Checks who imports whom, by the rules in .dependency-cruiser.cjs. When dependency-cruiser cannot read TypeScript it sees no
 * module and reports success; so the number of modules it saw is checked too.
 */
import { join } from 'node:path'

const ROOT = join(import.meta.dir, '..')
const FEWEST_MODULES = 15

interface CruiseResult {
  readonly modules: readonly { readonly source: string }[]
  readonly summary: {
    readonly violations: readonly {
      readonly from: string
      readonly to: string
      readonly rule: { readonly name: string; readonly severity: string }
    }[]
  }
}

const cruise = Bun.spawnSync(
  // By Bun: dependency-cruiser refuses to run on Node 20.
  [
    process.execPath,
    '--bun',
    'node_modules/.bin/depcruise',
    '--config',
    '.dependency-cruiser.cjs',
    '--output-type',
    'json',
    'src',
  ],
  { cwd: ROOT, stderr: 'inherit' },
)
const text = cruise.stdout.toString()
if (text.trim() === '') throw new Error(`dependency-cruiser said nothing (exit code ${cruise.exitCode})`)
const { modules, summary } = JSON.parse(text) as CruiseResult

const ours = modules.filter((module) => module.source.startsWith('src/')).length
for (const { from, to, rule } of summary.violations) console.error(`${rule.name}: ${from} → ${to}`)
if (ours <= FEWEST_MODULES) {
  console.error(`only ${ours} modules of src/ were seen: dependency-cruiser cannot read the sources`)
  process.exitCode = 1
} else if (summary.violations.some(({ rule }) => rule.severity === 'error')) {
  process.exitCode = 1
} else {
  console.log(`${ours} modules, no rule broken`)
}
