/** Reads Markdown for its prose: what is measured are the sentences and lines that a person reads. */

/** A paragraph or an item of a list, its lines joined. Headings, tables, images and code are none. */
const FENCE = /^ *(```|~~~)/
const ITEM = /^( *)(?:[-*+]|\d+[.)]) +/
const NO_PROSE = /^ *(?:#|\||!\[|<img |<!--|\[[^\]]+\]: )/
const CODE_INDENT = 4

/** Full stops that end no sentence. */
const ABBREVIATION = /\b(?:e\.g|i\.e|etc|vs)\.$/

/** The sentences of a Markdown text, in order. Each item of a list begins a new one. */
export function sentencesOf(markdown: string): string[] {
  return paragraphsOf(markdown).flatMap(split)
}

/** Words of a sentence: what stands between white space and has a letter or a digit. */
export function wordsOf(sentence: string): number {
  return sentence.split(/\s+/).filter((word) => /[\p{L}\d]/u.test(word)).length
}

/**
 * The lines with more than `columns` characters that could be shorter. Tables, images and code stay as they are, and so
 * does a line that has no place to break it.
 */
export function longLines(markdown: string, columns: number): string[] {
  return linesOf(markdown)
    .filter(({ text, isCode }) => !isCode && [...text].length > columns && !/^ *(?:\||!\[|<img )/.test(text))
    .map(({ text }) => text)
    .filter((text) => /\s/.test(text.replace(ITEM, '').trim()))
}

/** The value that a share of all others is at most, e.g. 0.5 for the median; 0 where there are none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}

interface Line {
  readonly text: string
  readonly isCode: boolean
}

/** Tells code from prose: what is fenced, and what is indented behind an empty line, deeper than the item it is in. */
function linesOf(markdown: string): Line[] {
  const lines: Line[] = []
  let isFenced = false
  let item = 0
  for (const text of markdown.split('\n')) {
    const before = lines.at(-1)
    const indent = text.search(/\S/)
    if (FENCE.test(text)) {
      isFenced = !isFenced
      lines.push({ text, isCode: true })
      continue
    }
    const isOpen = before === undefined || before.isCode || before.text.trim() === ''
    const isCode = isFenced || (indent >= item + CODE_INDENT && isOpen)
    if (!isCode && indent >= 0) item = ITEM.exec(text)?.[0].length ?? (indent === 0 && isOpen ? 0 : item)
    lines.push({ text, isCode: isCode || (indent < 0 && before?.isCode === true) })
  }
  return lines
}

function paragraphsOf(markdown: string): string[] {
  const paragraphs: string[][] = []
  let isOpen = false
  for (const { text, isCode } of linesOf(markdown)) {
    const line = text.replace(/^ *> ?/, '')
    if (isCode || line.trim() === '' || NO_PROSE.test(line)) {
      isOpen = false
      continue
    }
    if (!isOpen || ITEM.test(line)) paragraphs.push([])
    paragraphs.at(-1)?.push(line.replace(ITEM, '').trim())
    isOpen = true
  }
  return paragraphs.map((lines) => lines.join(' '))
}

/** Code between backticks, images and links may have full stops, and links targets that nobody reads. */
function split(paragraph: string): string[] {
  const spans: string[] = []
  const masked = paragraph
    .replace(/!\[[^\]]*\]\([^)]*\)/g, '')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/(`+)(.+?)\1/g, (span) => `\u{E000}${spans.push(span) - 1}\u{E001}`)
  const sentences: string[] = []
  let rest = ''
  for (const part of masked.split(/(?<=[.!?][)"”'*_]*)\s+(?=[("“'*_]*[\p{Lu}\d\u{E000}])/u)) {
    rest = rest === '' ? part : `${rest} ${part}`
    if (ABBREVIATION.test(rest)) continue
    sentences.push(rest)
    rest = ''
  }
  return [...sentences, rest]
    .map((sentence) => sentence.replace(/\u{E000}(\d+)\u{E001}/gu, (_, at: string) => spans[Number(at)] ?? '').trim())
    .filter((sentence) => wordsOf(sentence) > 0)
}
