/** What a template works on: JSON. */
export type Value = string | number | boolean | null | undefined | readonly Value[] | { readonly [key: string]: Value }

/** The functions of docker's templates, and those of Go's own that fit JSON. Errors are plain: `Template.run` gives them a code. */
export const FUNCTIONS: Readonly<Record<string, (...args: readonly Value[]) => Value>> = {
  json: (value) => JSON.stringify(value ?? null),
  lower: (value) => goText(value).toLowerCase(),
  upper: (value) => goText(value).toUpperCase(),
  title: (value) =>
    goText(value).replace(/(^|\s)(\p{L})/gu, (_, gap: string, letter: string) => gap + letter.toUpperCase()),
  split: (value, by) => goText(value).split(goText(by)),
  join: (value, by) => (Array.isArray(value) ? value.map(goText).join(goText(by)) : goText(value)),
  truncate: (value, length) => goText(value).slice(0, number(length)),
  pad: (value, before, after) => `${' '.repeat(number(before))}${goText(value)}${' '.repeat(number(after))}`,
  len: (value) => {
    if (typeof value === 'string' || Array.isArray(value)) return value.length
    return typeof value === 'object' && value !== null ? Object.keys(value).length : 0
  },
  index: (value, ...keys) => keys.reduce(at, value),
  print: (...values) => values.map(goText).join(''),
  println: (...values) => `${values.map(goText).join(' ')}\n`,
  printf: (form, ...values) => printf(goText(form), values),
  not: (value) => !isTrue(value),
  and: (...values) => values.find((value) => !isTrue(value)) ?? values.at(-1),
  or: (...values) => values.find(isTrue) ?? values.at(-1),
  eq: (value, ...others) => others.includes(value),
  ne: (value, other) => value !== other,
  lt: (value, other) => number(value) < number(other),
  le: (value, other) => number(value) <= number(other),
  gt: (value, other) => number(value) > number(other),
  ge: (value, other) => number(value) >= number(other),
}

/** As Go takes a value for true: neither nothing, nor zero, nor empty. */
export function isTrue(value: Value): boolean {
  if (Array.isArray(value)) return value.length > 0
  return typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : Boolean(value)
}

/** As Go prints a value: `[a b]`, `map[key:value]`. */
export function goText(value: Value): string {
  if (value === undefined || value === null) return '<no value>'
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`
  if (typeof value !== 'object') return String(value)
  const pairs = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `map[${pairs.map(([key, item]) => `${key}:${goText(item)}`).join(' ')}]`
}

function at(value: Value, key: Value): Value {
  if (Array.isArray(value)) {
    const place = number(key)
    if (place < 0 || place >= value.length) throw new Error(`index out of range: ${place}`)
    return value[place]
  }
  if (typeof value !== 'object' || value === null) throw new Error(`cannot take an index of ${goText(value)}`)
  const name = goText(key)
  return Object.hasOwn(value, name) ? (value as { readonly [key: string]: Value })[name] : undefined
}

function number(value: Value): number {
  if (typeof value !== 'number') throw new Error(`expected a number, not ${JSON.stringify(value ?? null)}`)
  return value
}

/** `%s`, `%v`, `%d` and `%q`, with a width. */
function printf(form: string, values: readonly Value[]): string {
  let next = 0
  return form.replace(/%(-?)(\d*)([a-z%])/g, (found, left: string, width: string, verb: string) => {
    if (verb === '%') return '%'
    if (!'svdq'.includes(verb)) throw new Error(`printf: ${found} is not supported`)
    const value = values[next++]
    const text = verb === 'q' ? JSON.stringify(goText(value)) : goText(value)
    return left === '' ? text.padStart(Number(width)) : text.padEnd(Number(width))
  })
}
