/*
 * Whether JSON fits what a program in Go reads into it, such as Docker's engine. Go gives each field a type: a value of another
 * type is an error, which takes the whole document with it. Null fits every type, and a field without a type is passed over. The case
 * of a field's letters does not count. A field that is there twice is read twice. So the text is walked here: JSON.parse keeps
 * the last of them, and forgets how a number was written.
 */

type Leaf = 'string' | 'boolean' | 'integer' | 'time' | 'any-offset-time'

/** The type of a value in Go. */
export type Shape =
  | { readonly is: Leaf }
  /** `orString`: a string stands for a list of it (moby `strslice`). */
  | { readonly is: 'list'; readonly of: Shape; readonly orString?: boolean }
  /** An object with any fields. */
  | { readonly is: 'map'; readonly of: Shape }
  | { readonly is: 'object'; readonly fields: Readonly<Record<string, Shape>> }

/** What Go takes: lists and objects in one another (encoding/json `maxNestingDepth`). */
const MAX_DEPTH = 10_000

/**
 * What of a JSON text does not fit, in words: `"config.Env" is an object, where a list of strings belongs`; undefined where all of it
 * fits. Names of fields are as the shape has them: nothing of what the text says is in the words.
 * @param text valid JSON, as JSON.parse takes it
 */
export function misfitOf(text: string, shape: Shape): string | undefined {
  const walk = new Walk(text)
  if (walk.isTooDeep()) return `it has more than ${MAX_DEPTH.toLocaleString('en')} lists or objects in one another`
  return walk.misfit(shape, '')
}

class Walk {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  isTooDeep(): boolean {
    this.#at = 0
    const isDeep = this.#pass(MAX_DEPTH)
    this.#at = 0
    return isDeep
  }

  /** Reads a value, up to where it does not fit. */
  misfit(shape: Shape, path: string): string | undefined {
    const first = this.#next()
    if (first === 'n') {
      this.#pass()
      return undefined
    }
    const wrong = `"${path}" ${wrongOf(first, shape)}`
    if (shape.is === 'list') {
      if (first === '[') return this.#list(shape.of, path)
      if (shape.orString !== true || first !== '"') return wrong
      this.#pass()
      return undefined
    }
    if (shape.is === 'map' || shape.is === 'object') {
      return first === '{' ? this.#object(shape, path) : wrong
    }
    const from = this.#at
    this.#pass()
    return fits(this.#text.slice(from, this.#at), shape.is) ? undefined : wrong
  }

  #list(of: Shape, path: string): string | undefined {
    this.#at += 1
    for (let index = 0; this.#next() !== ']'; index += 1) {
      const wrong = this.misfit(of, `${path}[${index}]`)
      if (wrong !== undefined) return wrong
      if (this.#next() === ',') this.#at += 1
    }
    this.#at += 1
    return undefined
  }

  #object(shape: Extract<Shape, { is: 'map' | 'object' }>, path: string): string | undefined {
    this.#at += 1
    while (this.#next() !== '}') {
      const key = this.#key()
      const [name, type] = shape.is === 'map' ? ['[…]', shape.of] : (fieldOf(shape.fields, key) ?? [])
      if (name === undefined || type === undefined) this.#pass()
      else {
        const wrong = this.misfit(type, path === '' || shape.is === 'map' ? `${path}${name}` : `${path}.${name}`)
        if (wrong !== undefined) return wrong
      }
      if (this.#next() === ',') this.#at += 1
    }
    this.#at += 1
    return undefined
  }

  #key(): string {
    const from = this.#at
    this.#passString()
    const key = JSON.parse(this.#text.slice(from, this.#at)) as string
    this.#next()
    this.#at += 1
    return key
  }

  /** The first character of what comes next. */
  #next(): string {
    while (' \t\r\n'.includes(this.#text.charAt(this.#at)) && this.#at < this.#text.length) this.#at += 1
    return this.#text.charAt(this.#at)
  }

  /** Goes behind the next value; true, and no further, where it has more in one another than that. */
  #pass(limit = Number.POSITIVE_INFINITY): boolean {
    let depth = 0
    do {
      const first = this.#next()
      if (first === '"') {
        this.#passString()
        continue
      }
      this.#at += 1
      if (first === '{' || first === '[') depth += 1
      else if (first === '}' || first === ']') depth -= 1
      else if (first !== ',' && first !== ':') this.#passWord()
      if (depth > limit) return true
    } while (depth > 0)
    return false
  }

  #passString(): void {
    for (let end = this.#at + 1; ; end += 1) {
      end = this.#text.indexOf('"', end)
      let slashes = 0
      while (this.#text.charAt(end - 1 - slashes) === '\\') slashes += 1
      if (slashes % 2 === 1) continue
      this.#at = end + 1
      return
    }
  }

  /** The rest of a number, of true, false or null. */
  #passWord(): void {
    while (/[\w.+-]/.test(this.#text.charAt(this.#at))) this.#at += 1
  }
}

/** Go compares names by Unicode's simple folding: two letters beyond ASCII are among those that fold to one of it. */
function folded(name: string): string {
  return name
    .replaceAll('ſ', 's')
    .replaceAll('\u{212a}', 'k')
    .replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

function fieldOf(fields: Readonly<Record<string, Shape>>, key: string): [string, Shape] | undefined {
  const like = folded(key)
  return Object.entries(fields).find(([name]) => folded(name) === like)
}

function fits(raw: string, type: Leaf): boolean {
  if (type === 'string') return raw.startsWith('"')
  if (type === 'boolean') return raw === 'true' || raw === 'false'
  if (type === 'integer') return /^-?\d{1,19}$/.test(raw) && BigInt.asIntN(64, BigInt(raw)) === BigInt(raw)
  return raw.startsWith('"') && isTime(JSON.parse(raw) as string, type === 'any-offset-time')
}

/** RFC 3339 as Go reads it: an hour may have one digit, a fraction a comma, and an offset more than there is. */
const TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d?):(\d\d):(\d\d)(?:[.,]\d+)?(?:Z|[+-](\d\d):(\d\d))$/

const TIME_NAME = 'time such as "2024-01-31T12:00:00Z"'

function isTime(text: string, anyOffset: boolean): boolean {
  const parts = TIME.exec(text)
    ?.slice(1)
    .map((part) => Number(part ?? 0))
  if (parts === undefined) return false
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, offsetHour = 0, offsetMinute = 0] = parts
  if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month)) return false
  if (hour > 23 || minute > 59 || second > 59) return false
  return anyOffset || (offsetHour <= 24 && offsetMinute <= 60)
}

function daysOf(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return [4, 6, 9, 11].includes(month) ? 30 : 31
}

/** What is wrong with a value, by its first character. */
function wrongOf(first: string, shape: Shape): string {
  const name = nameOf(first)
  if (shape.is === 'integer' && name === 'a number') return 'is no integer of 64 bits'
  if (shape.is.endsWith('time') && name === 'a string') return `is no ${TIME_NAME}`
  return `is ${name}, where ${wantedOf(shape)} belongs`
}

function nameOf(first: string): string {
  if (first === '"') return 'a string'
  if (first === '[') return 'a list'
  if (first === '{') return 'an object'
  return first === 't' || first === 'f' ? 'true or false' : 'a number'
}

function wantedOf(shape: Shape): string {
  if (shape.is === 'list') return shape.of.is === 'string' ? 'a list of strings' : 'a list'
  if (shape.is === 'map' || shape.is === 'object') return 'an object'
  if (shape.is === 'string') return 'a string'
  if (shape.is === 'boolean') return 'true or false'
  return shape.is === 'integer' ? 'an integer' : `a ${TIME_NAME}`
}
