import { isObject, parsedObject } from '../json.ts'
import { ifAllowed } from '../store/allowed.ts'
import type { WritableFolder } from './folder.ts'

/** How many complete copies some images are to have, that of our own node included. */
export interface Rule {
  /** As for `ls`; undefined for all images that no other rule is for. */
  readonly pattern: string | undefined
  readonly copies: number
}

const PATH = 'keep.json'
const MAX_FILE = 256 * 1024
/** More copies than that nobody has places for. */
export const MOST_COPIES = 100

/** The rules of a node, in `keep.json` of the catalogue: they hold for all who use the node. What has another shape is no rule. */
export class Rules {
  readonly #folder: Pick<WritableFolder, 'read' | 'write' | 'sync'>

  constructor(folder: Pick<WritableFolder, 'read' | 'write' | 'sync'>) {
    this.#folder = folder
  }

  /** By pattern, the one for all first. */
  async all(signal: AbortSignal): Promise<readonly Rule[]> {
    // Who may not see the folder pushes all the same.
    const bytes = await ifAllowed(this.#read(signal))
    const rules = bytes === undefined ? undefined : parsedObject(Buffer.from(bytes).toString())?.['rules']
    return Array.isArray(rules) ? rules.flatMap((rule) => readRule(rule) ?? []) : []
  }

  async #read(signal: AbortSignal): Promise<Uint8Array | undefined> {
    await this.#folder.sync(signal)
    return this.#folder.read(PATH, MAX_FILE, signal)
  }

  /** In place of one with this pattern. */
  async set(rule: Rule, signal: AbortSignal): Promise<void> {
    const others = (await this.all(signal)).filter(({ pattern }) => pattern !== rule.pattern)
    await this.#write([...others, rule], signal)
  }

  /** False where there is none. */
  async remove(pattern: string | undefined, signal: AbortSignal): Promise<boolean> {
    const rules = await this.all(signal)
    const others = rules.filter((rule) => rule.pattern !== pattern)
    if (others.length === rules.length) return false
    await this.#write(others, signal)
    return true
  }

  async #write(rules: readonly Rule[], signal: AbortSignal): Promise<void> {
    const sorted = rules.toSorted((a, b) => ((a.pattern ?? '') < (b.pattern ?? '') ? -1 : 1))
    await this.#folder.write(PATH, Buffer.from(`${JSON.stringify({ version: 1, rules: sorted })}\n`), signal)
    await this.#folder.sync(signal)
  }
}

function readRule(value: unknown): Rule | undefined {
  if (!isObject(value)) return undefined
  const { pattern, copies } = value
  if (typeof copies !== 'number' || !Number.isInteger(copies) || copies < 1 || copies > MOST_COPIES) return undefined
  if (pattern !== undefined && (typeof pattern !== 'string' || !isPattern(pattern))) return undefined
  return { pattern, copies }
}

/** Names and stars, as `ls` takes them. */
export function isPattern(text: string): boolean {
  return /^[\w.:/*?@-]{1,255}$/.test(text)
}
