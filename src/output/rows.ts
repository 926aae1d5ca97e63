import { DockerIpfsError } from '../errors.ts'
import { table } from './table.ts'
import { readTemplate } from './template.ts'
import { goText, type Value } from './template-functions.ts'

/** What a command prints a line of: its fields by name. */
export type Row = Readonly<Record<string, Value>>

export interface RowsOf {
  /** All fields that a row has, with what stands above them in a table: `{ CID: 'CID', ConfigDigest: 'CONFIG DIGEST' }`. */
  readonly heads: Readonly<Record<string, string>>
  /** The fields that are shown when nothing is asked for. */
  readonly shown: readonly string[]
}

export interface RowFormat {
  /** Whether this field is asked for by its name, or in the usual table: what costs something is left out otherwise, as docker does. */
  wants(field: string): boolean
  /** The rows, ready to be printed. */
  lines(rows: readonly Row[]): string[]
}

/**
 * What `--format` asks for, as for `docker images`: `table` (or nothing), `table TEMPLATE`, `json` (one object a line), or a template that is
 * run for each row. To be called before any work is done.
 * @throws BAD_FLAG for a template that cannot be read, or has a field that rows do not have
 */
export function rowFormat(format: string | undefined, { heads, shown }: RowsOf): RowFormat {
  const text = format?.trim() ?? ''
  if (text === '' || text === 'table') {
    return {
      wants: (field) => shown.includes(field),
      lines: (rows) =>
        table(
          shown.map((field) => heads[field] ?? field),
          rows.map((row) => shown.map((field) => goText(row[field]))),
        ),
    }
  }
  if (text === 'json') {
    return { wants: () => false, lines: (rows) => rows.map((row) => JSON.stringify(row)) }
  }
  const isTable = /^table\s/.test(text)
  const template = readTemplate(isTable ? text.slice('table'.length).trim() : text)
  const unknown = [...template.fields].find((field) => !Object.hasOwn(heads, field))
  if (unknown !== undefined) {
    throw new DockerIpfsError('BAD_FLAG', `the template of --format asks for .${unknown}, which is not there`, {
      hint: `There are ${Object.keys(heads)
        .map((field) => `.${field}`)
        .join(', ')}.`,
    })
  }
  return {
    wants: (field) => template.fields.has(field),
    lines: (rows) => {
      if (!isTable) return rows.map((row) => template.run(row))
      const cells = [heads, ...rows].map((row) => template.run(row).split('\t'))
      return table(cells[0] ?? [], cells.slice(1))
    },
  }
}

/**
 * What `--format` asks for where there is one document, as for `docker inspect`: nothing is the document over several lines, `json` in one.
 * @throws BAD_FLAG for a template that cannot be read
 */
export function documentFormat(format: string | undefined): (document: Value) => string {
  const text = format?.trim() ?? ''
  if (text === '') return (document) => JSON.stringify(document, undefined, 4)
  if (text === 'json') return (document) => JSON.stringify(document)
  const template = readTemplate(text)
  return (document) => template.run(document)
}
