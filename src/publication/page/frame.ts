import { createHash } from 'node:crypto'
import { formatBytes } from '../../units.ts'
import { SCRIPT } from './script.ts'
import { STYLE } from './style.ts'

/** A box, which is also the icon of the tab. */
const BOX = '<path d="M12 2.5 20.5 7v10L12 21.5 3.5 17V7zM3.5 7l8.5 4.5L20.5 7M12 11.5v10"/>'
const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#0e7490" stroke-width="2" stroke-linejoin="round">${BOX}</svg>`

/** What a page with a list of images has. All of it is HTML: what comes from elsewhere has been escaped. */
export interface PageParts {
  /** Below the heading. */
  readonly summary: string
  readonly sections: readonly string[]
  /** How many images there are. */
  readonly count: number
  /** What stands there where there is none. */
  readonly none: string
  readonly footer: string
}

/** What a page may do: nothing but show its own style and run its own script. */
export const POLICY = `default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src '${hash(STYLE)}'; script-src '${hash(SCRIPT)}'`

/** One file that needs nothing beside it, lists all without JavaScript, and searches and copies with it. */
export function renderFrame({ summary, sections, count, none, footer }: PageParts): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>Docker images on IPFS</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(ICON)}">
<style>${STYLE}</style>
</head>
<body>
<header>
<h1><svg viewBox="0 0 24 24" aria-hidden="true">${BOX}</svg>Docker images on IPFS</h1>
${summary}
<div role="search" id="search" hidden><label for="query">Search</label><input type="search" id="query" autocomplete="off" spellcheck="false" placeholder="Name, tag, platform or CID"><span role="status" id="count"></span></div>
</header>
<main>
${sections.join('\n')}
<p id="none"${count > 0 ? ' hidden' : ''}>${count > 0 ? 'Nothing matches.' : none}</p>
</main>
<footer><p>${footer}</p></footer>
<script>${SCRIPT}</script>
</body>
</html>
`
}

export function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}

/** A repository and its rows. @param name as docker shows it */
export function renderSection(name: string, rows: readonly string[]): string {
  return `<section>
<h2>${escaped(name).replaceAll('/', '/<wbr>')}</h2>
<div>
${rows.join('\n')}
</div>
</section>`
}

/** A row of the list, which opens. */
export interface PageRow {
  /** What the search finds it by: its name as docker shows it, or its CID. */
  readonly name: string
  readonly tag: string
  readonly cid: string
  readonly platform: string
  /** ISO 8601. */
  readonly created: string | undefined
  readonly size: number | undefined
  /** What is in it, as HTML. */
  readonly inside: string
}

/** What is in it without JavaScript works; the script adds the buttons, and what depends on where the page is. */
export function renderRow({ name, tag, cid, platform, created, size, inside }: PageRow): string {
  return `<details data-name="${escaped(name)}">
<summary><b>${escaped(tag)}</b><span>${escaped(platform)}</span><span>${created === undefined ? '' : day(created)}</span><span>${size === undefined ? '' : escaped(formatBytes(size))}</span><code>${escaped(shortCid(cid))}</code></summary>
<div>
${inside}
</div>
</details>`
}

export function command(text: string): string {
  return `<p><code>${escaped(text)}</code></p>`
}

/** CIDs begin alike. */
export function shortCid(cid: string): string {
  return `${cid.slice(0, 7)}…${cid.slice(-8)}`
}

/** People paste commands into shells: what is no plain word there goes into quotes. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

export function day(iso: string): string {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return ''
  return `<time datetime="${date.toISOString()}">${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}</time>`
}

export function time(iso: string): string {
  const clock = `, ${new Date(iso).toISOString().slice(11, 16)} UTC</time>`
  return day(iso).replace('</time>', clock)
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? '')
}

/** As a content security policy names the only script, or style, that may be used. */
function hash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}
