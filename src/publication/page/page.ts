import { createHash } from 'node:crypto'
import { familiarName } from '../../image/name.ts'
import { formatBytes } from '../../units.ts'
import type { PublishedCatalogue, PublishedImage } from '../document.ts'
import { SCRIPT } from './script.ts'
import { STYLE } from './style.ts'

/** The gateway of a node on the reader's own machine; the script puts the one that served the page in its place. */
const LOCAL_GATEWAY = 'http://127.0.0.1:8080'

/** A box, which is also the icon of the tab. */
const BOX = '<path d="M12 2.5 20.5 7v10L12 21.5 3.5 17V7zM3.5 7l8.5 4.5L20.5 7M12 11.5v10"/>'
const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#0e7490" stroke-width="2" stroke-linejoin="round">${BOX}</svg>`

/**
 * `index.html` of a publication: one file that needs nothing beside it, lists all without JavaScript, and searches and copies with
 * it. All that the catalogue says is escaped, and the page may run only its own script. The same catalogue gives the same text.
 */
export function renderPage(catalogue: PublishedCatalogue): string {
  const { images } = catalogue
  const repositories = [...Map.groupBy(images, ({ name }) => name)]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src '${hash(STYLE)}'; script-src '${hash(SCRIPT)}'">
<title>Docker images on IPFS</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(ICON)}">
<style>${STYLE}</style>
</head>
<body>
<header>
<h1><svg viewBox="0 0 24 24" aria-hidden="true">${BOX}</svg>Docker images on IPFS</h1>
${summary(catalogue)}
<div role="search" id="search" hidden><label for="query">Search</label><input type="search" id="query" autocomplete="off" spellcheck="false" placeholder="Name, tag, platform or CID"><span role="status" id="count"></span></div>
</header>
<main>
${repositories.map(([name, tags]) => repository(name, tags)).join('\n')}
<p id="none"${images.length > 0 ? ' hidden' : ''}>${images.length > 0 ? 'Nothing matches.' : 'No image is published here.'}</p>
</main>
<footer><p>Whoever has an image can pin its CID, serve it, and load it; it stays the same image. <a href="catalogue.json">catalogue.json</a> is this list for machines.</p></footer>
<script>${SCRIPT}</script>
</body>
</html>
`
}

function summary({ publishedAt, sequence, previous, images }: PublishedCatalogue): string {
  const repositories = new Set(images.map(({ name }) => name)).size
  const counts = `${counted(images.length, 'tag', 'tags')} in ${counted(repositories, 'repository', 'repositories')}`
  const before = previous === null ? '' : ` · <a data-ipfs href="ipfs://${escaped(previous)}">previous publication</a>`
  return `<p>${counts} · published ${time(publishedAt)} · number ${sequence}${before}</p>`
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}

function repository(name: string, tags: readonly PublishedImage[]): string {
  return `<section>
<h2>${escaped(familiarName(name)).replaceAll('/', '/<wbr>')}</h2>
<div>
${tags.map(image).join('\n')}
</div>
</section>`
}

/** A row that opens. What is in it without JavaScript works; the script adds the buttons, and what depends on where the page is. */
function image({ name, tag, cid, configDigest, size, created, platforms }: PublishedImage): string {
  const full = `${name}:${tag}`
  const [first = 'unknown platform', ...others] = platforms
  const more = others.length === 0 ? '' : ` and ${others.length} more`
  return `<details data-name="${escaped(familiarName(full))}">
<summary><b>${escaped(tag)}</b><span>${escaped(first)}${more}</span><span>${created === undefined ? '' : day(created)}</span><span>${escaped(formatBytes(size))}</span><code>${escaped(shortCid(cid))}</code></summary>
<div>
<h3>With the plugin docker ipfs</h3>
${command(`docker ipfs load --tag ${shellWord(familiarName(full))} ${shellWord(cid)}`)}
<h3>Without it, on Docker 23 and newer</h3>
${command(`ipfs cat ${shellWord(`${cid}/image.tar`)} | docker load`)}
${command(`curl -fL ${shellWord(`${LOCAL_GATEWAY}/ipfs/${cid}/image.tar`)} | docker load`)}
<dl>
<dt>CID</dt><dd>${command(cid)}</dd>
<dt>Config digest</dt><dd>${command(configDigest)}</dd>
<dt>${platforms.length > 1 ? 'Platforms' : 'Platform'}</dt><dd>${escaped(platforms.join(', ') || 'unknown')}</dd>
<dt>Files</dt><dd><a href="${escaped(folder(full))}">${escaped(full)}</a></dd>
</dl>
</div>
</details>`
}

function command(text: string): string {
  return `<p><code>${escaped(text)}</code></p>`
}

/** CIDs begin alike. */
function shortCid(cid: string): string {
  return `${cid.slice(0, 7)}…${cid.slice(-8)}`
}

/** Where the publication has the image, relative to the page. */
function folder(full: string): string {
  return `images/${full.split('/').map(encodeURIComponent).join('/').replaceAll('%3A', ':')}/`
}

/** People paste commands into shells: what is no plain word there goes into quotes. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

function day(iso: string): string {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return ''
  return `<time datetime="${date.toISOString()}">${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}</time>`
}

function time(iso: string): string {
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

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? '')
}

/** As a content security policy names the only script, or style, that may be used. */
function hash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}
