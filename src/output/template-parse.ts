import { DockerIpfsError } from '../errors.ts'
import { FUNCTIONS, type Value } from './template-functions.ts'

export type Expression =
  | { readonly type: 'constant'; readonly value: Value }
  | { readonly type: 'field'; readonly path: readonly string[]; readonly of: 'dot' | 'top' | Expression }
  | { readonly type: 'call'; readonly name: string; readonly args: readonly Expression[] }

export type TemplatePart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'value'; readonly of: Expression }
  | {
      readonly type: 'if' | 'with' | 'range'
      readonly of: Expression
      readonly body: readonly TemplatePart[]
      readonly otherwise: readonly TemplatePart[]
    }

/** Blocks within blocks, and brackets within brackets. */
const MAX_DEPTH = 100

/** @throws BAD_FLAG */
export function parseTemplate(text: string): TemplatePart[] {
  const pieces = cut(text)
  const { parts, end } = parseParts(pieces, 0)
  if (end !== undefined) throw bad(`unexpected {{${end}}}`)
  return parts
}

type TemplatePiece = { readonly text: string } | { readonly action: string }

/** Text and what is between `{{` and `}}`, in turn; `{{-` and `-}}` take the white space beside them. */
function cut(text: string): TemplatePiece[] {
  const pieces: TemplatePiece[] = []
  let rest = text
  let trim = false
  for (;;) {
    const start = rest.indexOf('{{')
    const before = trim
      ? rest.slice(0, start < 0 ? undefined : start).trimStart()
      : rest.slice(0, start < 0 ? undefined : start)
    if (start < 0) return [...pieces, { text: before }]
    const inner = /^\{\{(- )?((?:"(?:[^"\\]|\\.)*"|`[^`]*`|[^"`])*?)( -)?\}\}/s.exec(rest.slice(start))
    if (inner === null) throw bad('unclosed action: a }} is missing')
    pieces.push({ text: inner[1] === undefined ? before : before.trimEnd() }, { action: (inner[2] ?? '').trim() })
    trim = inner[3] !== undefined
    rest = rest.slice(start + inner[0].length)
  }
}

/** Parts up to the end of the text, or to an {{end}} or {{else}}. */
function parseParts(pieces: TemplatePiece[], depth: number): { parts: TemplatePart[]; end: string | undefined } {
  if (depth > MAX_DEPTH) throw bad('too many blocks within each other')
  const parts: TemplatePart[] = []
  for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
    if ('text' in piece) {
      if (piece.text !== '') parts.push({ type: 'text', text: escaped(piece.text) })
      continue
    }
    const { action } = piece
    if (/^\/\*.*\*\/$/s.test(action)) continue
    const [, word = '', rest = ''] = /^(\w*)\s*(.*)$/s.exec(action) ?? []
    if (word === 'end' || word === 'else') return { parts, end: action }
    if (word === 'if' || word === 'with' || word === 'range') parts.push(parseBlock(word, rest, pieces, depth))
    else parts.push({ type: 'value', of: parseExpression(action) })
  }
  return { parts, end: undefined }
}

function parseBlock(type: 'if' | 'with' | 'range', head: string, pieces: TemplatePiece[], depth: number): TemplatePart {
  const of = parseExpression(head)
  const { parts, end } = parseParts(pieces, depth + 1)
  if (end === 'end') return { type, of, body: parts, otherwise: [] }
  const [, elseIf] = /^else\s+if\s+(.*)$/s.exec(end ?? '') ?? []
  if (elseIf !== undefined) return { type, of, body: parts, otherwise: [parseBlock('if', elseIf, pieces, depth + 1)] }
  if (end !== 'else') throw bad(end === undefined ? `{{${type}}} without {{end}}` : `unexpected {{${end}}}`)
  const last = parseParts(pieces, depth + 1)
  if (last.end !== 'end') throw bad(`{{${type}}} without {{end}}`)
  return { type, of, body: parts, otherwise: last.parts }
}

const TOKEN =
  /\s*("(?:[^"\\]|\\.)*"|`[^`]*`|-?\d+(?:\.\d+)?|\$?(?:\.[\p{L}_][\p{L}\d_]*)+|\$?\.(?![\p{L}_])|\$\w*|\w+|[|()]|\S)/gu

function parseExpression(text: string): Expression {
  const tokens = [...text.matchAll(TOKEN)].map(([, token = '']) => token)
  if (tokens.length === 0) throw bad('{{}} is empty')
  const expression = parsePipe(tokens, 0)
  if (tokens.length > 0) throw bad(`unexpected "${tokens[0]}" in {{${text}}}`)
  return expression
}

/** `a b | c`: the result of what is before is the last argument of what is behind. */
function parsePipe(tokens: string[], depth: number): Expression {
  if (depth > MAX_DEPTH) throw bad('too many brackets within each other')
  let result = parseCall(tokens, undefined, depth)
  while (tokens[0] === '|') {
    tokens.shift()
    result = parseCall(tokens, result, depth)
  }
  return result
}

function parseCall(tokens: string[], last: Expression | undefined, depth: number): Expression {
  const [name = ''] = tokens
  const isCall = /^[a-z]\w*$/i.test(name) && name !== 'true' && name !== 'false' && name !== 'nil'
  if (!isCall) {
    if (last !== undefined && name !== '') throw bad(`"${name}" behind a | is no function`)
    return parseOperand(tokens, depth)
  }
  tokens.shift()
  if (!Object.hasOwn(FUNCTIONS, name)) {
    throw bad(`function "${name}" not defined`, `There are ${Object.keys(FUNCTIONS).join(', ')}.`)
  }
  const args: Expression[] = []
  while (tokens[0] !== undefined && tokens[0] !== '|' && tokens[0] !== ')') args.push(parseOperand(tokens, depth))
  return { type: 'call', name, args: last === undefined ? args : [...args, last] }
}

function parseOperand(tokens: string[], depth: number): Expression {
  const token = tokens.shift() ?? ''
  if (token === '(') {
    const inner = parsePipe(tokens, depth + 1)
    if (tokens.shift() !== ')') throw bad('a ) is missing')
    if (!/^\.\p{L}/u.test(tokens[0] ?? '')) return inner
    return { type: 'field', path: namesOf(tokens.shift() ?? ''), of: inner }
  }
  if (/^\$?\./.test(token) || token === '$') {
    return { type: 'field', path: namesOf(token), of: token.startsWith('$') ? 'top' : 'dot' }
  }
  if (token.startsWith('$')) throw bad(`variables such as ${token} are not supported`)
  if (token.startsWith('`')) return { type: 'constant', value: token.slice(1, -1) }
  if (token.startsWith('"')) return { type: 'constant', value: unquoted(token) }
  if (/^-?\d/.test(token)) return { type: 'constant', value: Number(token) }
  if (token === 'true' || token === 'false') return { type: 'constant', value: token === 'true' }
  if (token === 'nil') return { type: 'constant', value: undefined }
  if (Object.hasOwn(FUNCTIONS, token)) return { type: 'call', name: token, args: [] }
  throw bad(token === '' ? 'something is missing behind a | or a function' : `"${token}" is not supported`)
}

/** `$.Config.Env` → Config, Env; none for the value itself. */
function namesOf(token: string): string[] {
  return token.replace('$', '').split('.').filter(Boolean)
}

/** Tabs and line ends as people type them in a shell. */
function escaped(text: string): string {
  return text.replace(/\\t/g, '\t').replace(/\\n/g, '\n')
}

function unquoted(token: string): string {
  try {
    return JSON.parse(token) as string
  } catch (cause) {
    throw bad(`${token} is no string`, undefined, cause)
  }
}

function bad(
  why: string,
  hint = 'Write it as for docker, e.g. "{{.CID}}", "table {{.Name}}\\t{{.CID}}" or "{{json .}}".',
  cause?: unknown,
) {
  return new DockerIpfsError('BAD_FLAG', `cannot read the template of --format: ${why}`, { hint, cause })
}
