/** A part of a whole as a bar of so many characters; what is not nothing shows. */
export function bar(part: number, whole: number, width: number): string {
  const filled = part === 0 ? 0 : Math.min(width, Math.max(1, Math.round((part / whole) * width)))
  return `${'█'.repeat(filled)}${'░'.repeat(width - filled)}`
}

/** Rows below their heads, in columns as docker prints them: left-aligned, three spaces between. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [heads, ...rows]
  const widths = heads.map((_, at) => Math.max(...all.map((row) => row[at]?.length ?? 0)))
  return all.map((row) =>
    row.map((cell, at) => (at === heads.length - 1 ? cell : cell.padEnd((widths[at] ?? 0) + 3))).join(''),
  )
}
