import { DockerIpfsError, messageOf } from '../errors.ts'
import { FUNCTIONS, goText, isTrue, type Value } from './template-functions.ts'
import { type Expression, parseTemplate, type TemplatePart } from './template-parse.ts'

/** A `--format` template that was read and can be run on values. */
export interface Template {
  /** Names behind the dots that stand for fields of the value itself, not of a list's items. */
  readonly fields: ReadonlySet<string>
  /** @throws BAD_FLAG when the template asks for what the value does not have */
  run(value: Value): string
}

/**
 * Reads a template as Go's text/template does, as far as people use it with docker: fields, `$`, strings, numbers, pipes, if, with,
 * range, comments, `{{-`, and docker's functions. Source: https://docs.docker.com/engine/cli/formatting/
 * @throws BAD_FLAG, with what is not understood
 */
export function readTemplate(text: string): Template {
  const parts = parseTemplate(text)
  const fields = new Set(fieldsOf(parts))
  fields.delete(WHOLE)
  return {
    fields,
    run: (value) => {
      try {
        return write(parts, { dot: value, top: value })
      } catch (error) {
        if (error instanceof DockerIpfsError) throw error
        throw new DockerIpfsError('BAD_FLAG', `the template fails: ${messageOf(error)}`, { cause: error })
      }
    },
  }
}

/** Among fields: the value itself. */
const WHOLE = ''

interface Scope {
  readonly dot: Value
  readonly top: Value
}

function write(parts: readonly TemplatePart[], scope: Scope): string {
  return parts.map((part) => writePart(part, scope)).join('')
}

function writePart(part: TemplatePart, scope: Scope): string {
  if (part.type === 'text') return part.text
  const value = evaluate(part.of, scope)
  if (part.type === 'value') return goText(value)
  if (part.type === 'if') return write(isTrue(value) ? part.body : part.otherwise, scope)
  if (part.type === 'with')
    return isTrue(value) ? write(part.body, { ...scope, dot: value }) : write(part.otherwise, scope)
  const items = itemsOf(value)
  if (items.length === 0) return write(part.otherwise, scope)
  return items.map((dot) => write(part.body, { ...scope, dot })).join('')
}

function itemsOf(value: Value): readonly Value[] {
  if (Array.isArray(value)) return value
  return typeof value === 'object' && value !== null ? Object.values(value) : []
}

function evaluate(expression: Expression, scope: Scope): Value {
  if (expression.type === 'constant') return expression.value
  if (expression.type === 'field') {
    const { path, of } = expression
    return path.reduce(fieldOf, of === 'dot' || of === 'top' ? scope[of] : evaluate(of, scope))
  }
  const run = FUNCTIONS[expression.name]
  if (run === undefined) throw new Error(`function "${expression.name}" not defined`)
  return run(...expression.args.map((arg) => evaluate(arg, scope)))
}

function fieldOf(value: Value, name: string): Value {
  if (value === null || value === undefined) return undefined
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new DockerIpfsError('BAD_FLAG', `the template asks for .${name} of what has no fields`, {
      hint: '"{{json .}}" shows all that there is.',
    })
  }
  return Object.hasOwn(value, name) ? (value as { readonly [key: string]: Value })[name] : undefined
}

/** Of the value itself; within range and with the dot is another. */
function fieldsOf(parts: readonly TemplatePart[]): string[] {
  return parts.flatMap((part) => {
    if (part.type === 'text') return []
    if (part.type === 'value') return fieldsIn(part.of)
    return [...fieldsIn(part.of), ...(part.type === 'if' ? fieldsOf(part.body) : []), ...fieldsOf(part.otherwise)]
  })
}

function fieldsIn(expression: Expression): string[] {
  if (expression.type === 'call') return expression.args.flatMap(fieldsIn)
  if (expression.type !== 'field') return []
  const { path, of } = expression
  return of === 'dot' || of === 'top' ? [path[0] ?? WHOLE] : fieldsIn(of)
}
