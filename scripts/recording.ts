/**
 * Runs the commands of a demonstration and draws what they print, when they print it, as an SVG that plays (CSS, no script).
 * scripts/recording starts it, with an engine that has debian:bookworm and a node.
 *
 *     bun scripts/recording.ts OUT.svg
 */
import { writeFileSync } from 'node:fs'

const IMAGE = 'debian:bookworm'
const COLUMNS = 100
const LINE = 20
const LETTER = 8.43
const MARGIN = 18
/** Seconds that pass where nobody types: before a command, and at the end, before it plays again. */
const PAUSE = 0.8
const END = 6

/** A line of the terminal, and when it stood there, in seconds. */
interface Line {
  readonly at: number
  readonly text: string
  readonly isCommand: boolean
}

const lines: Line[] = []
let now = 0

/** Runs a command of the demonstration; gives its output without what goes to stderr. */
async function run(...command: string[]): Promise<string> {
  now += PAUSE
  lines.push({ at: now, text: `$ ${command.join(' ')}`, isCommand: true })
  const began = performance.now() - now * 1000
  const child = Bun.spawn(command, { stdout: 'pipe', stderr: 'pipe' })
  const [stdout] = await Promise.all([taken(child.stdout, began), taken(child.stderr, began)])
  if ((await child.exited) !== 0)
    throw new Error(`${command.join(' ')} failed:\n${lines.map(({ text }) => text).join('\n')}`)
  now = (performance.now() - began) / 1000
  return stdout
}

async function taken(stream: ReadableStream<Uint8Array>, began: number): Promise<string> {
  const decoder = new TextDecoder()
  let all = ''
  for await (const part of stream) {
    const text = decoder.decode(part)
    all += text
    const at = (performance.now() - began) / 1000
    for (const line of text.split('\n')) if (line !== '') lines.push({ at, text: line, isCommand: false })
  }
  return all.trim()
}

const cid = await run('docker', 'ipfs', 'save', IMAGE)
await run('docker', 'image', 'rm', IMAGE)
await run('docker', 'ipfs', 'load', '--tag', IMAGE, cid)
await run('docker', 'run', '--rm', '--network', 'none', IMAGE, 'cat', '/etc/debian_version')

const [target] = process.argv.slice(2)
if (target === undefined) throw new Error('usage: bun scripts/recording.ts OUT.svg')
const drawn = draw(lines, now + END)
writeFileSync(target, drawn)
console.log(`${target}: ${lines.length} lines, ${now.toFixed(1)} s, ${drawn.length} bytes`)

/** Each line is there from its time on, until all begin anew. Who wants no motion is shown all of them at once. */
function draw(all: readonly Line[], seconds: number): string {
  const rows = all.flatMap((line) => wrapped(line.text).map((text) => ({ ...line, text })))
  const height = 2 * MARGIN + rows.length * LINE
  const width = 2 * MARGIN + COLUMNS * LETTER
  const frames = rows.map(({ at }, row) => {
    const share = ((100 * at) / seconds).toFixed(2)
    return `@keyframes l${row} { 0%, ${share}% { opacity: 0 } ${share}1%, 100% { opacity: 1 } }
    .l${row} { animation: l${row} ${seconds.toFixed(1)}s infinite }`
  })
  const texts = rows.map(({ text, isCommand }, row) => {
    const y = MARGIN + row * LINE + 14
    return `<text class="l${row}${isCommand ? ' command' : ''}" x="${MARGIN}" y="${y}" xml:space="preserve">${escaped(text)}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${Math.ceil(width)} ${height}" role="img" aria-label="A save and a load">
  <title>docker ipfs save and docker ipfs load, as they ran</title>
  <style>
    rect { fill: #0d1117 }
    text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #c9d1d9 }
    .command { fill: #7ee787; font-weight: 600 }
    @media (prefers-reduced-motion: no-preference) {
    ${frames.join('\n    ')}
    }
  </style>
  <rect width="100%" height="100%" rx="8"/>
  ${texts.join('\n  ')}
</svg>
`
}

function wrapped(text: string): string[] {
  return text.match(new RegExp(`.{1,${COLUMNS}}`, 'g')) ?? []
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
