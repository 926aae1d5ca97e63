import { COLUMNS, type Column } from './check.ts'
import type { Result } from './event.ts'
import { FAULTS } from './plan.ts'

/** The results as a table in Markdown, a line for each fault. */
export function tableOf(results: readonly Result[]): string {
  const heads = ['fault', 'events', ...COLUMNS, 'told in the guide']
  const groups = Map.groupBy(results, ({ fault }) => fault)
  const rows = Object.keys(FAULTS).map((fault) => rowOf(fault, groups.get(fault) ?? []))
  const lines = [heads, ['---', ...heads.slice(1).map(() => '--:')], ...rows, rowOf('all', results)]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** Counts events, and not what was found in them. */
function rowOf(title: string, results: readonly Result[]): string[] {
  const having = (column: Column) =>
    results.filter(({ findings }) => findings.some((finding) => finding.column === column)).length
  const told = results.filter((result) => result.told.length > 0).length
  return [title, `${results.length}`, ...COLUMNS.map((column) => `${having(column)}`), `${told}`]
}
