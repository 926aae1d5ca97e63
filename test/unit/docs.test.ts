import { describe, expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Glob } from 'bun'
import metadata from '../../package.json' with { type: 'json' }
import { KNOWN } from '../../src/cli/commands/run/docker-flags.ts'
import { endingOf } from '../../src/cli/exit.ts'
import { SETTINGS, type Setting } from '../../src/cli/settings.ts'
import { DockerIpfsError, type ErrorCode } from '../../src/errors.ts'
import { writeImageDag } from '../../src/format/image-dag.ts'
import { writeLayer } from '../../src/format/layer.ts'
import { FORMAT } from '../../src/format/numbers.ts'
import { digest, GOLDEN, GOLDEN_ROOTS } from '../support/images.ts'
import { MemorySink } from '../support/memory-sink.ts'

const ROOT = join(import.meta.dir, '../..')
const DOCS = ['*.md', 'docs/*.md', 'docs/guide/*.md'].flatMap((glob) => [...new Glob(glob).scanSync(ROOT)]).sort()
const GUIDE = DOCS.filter((name) => dirname(name) === 'docs/guide')
const INDEX = 'docs/guide/README.md'

/** Paths of the checkout as docs name them; what a build or a user makes is not among them. */
const PATH = /(?<![\w/.~-])(?:(?:src|scripts|bench|test|docs)\/[\w./-]*[\w/]|\.ci\/run|\.dependency-cruiser\.cjs)/g

const OF_DOCKER = new Set([...KNOWN.switches, ...KNOWN.valued])

/** A command as a user types it, up to the end of its line, its code span or its table cell; groups have two words. */
const COMMAND = /docker(?: -\w \S+| --\w+ \S+)* ipfs ((?:(?:key|node|registry|remote) )?[a-z]+)[^\n`)#|]*/g

describe.each(DOCS)('%s', (name) => {
  const text = read(name)

  test('names only paths that exist', () => {
    const paths = [...(text.match(PATH) ?? []), ...linksOf(name).map(({ path }) => path)]
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
  })

  test('links only to headings that exist', () => {
    const links = linksOf(name).filter(({ heading }) => heading !== '')
    expect(links.filter(({ path, heading }) => !headingsOf(path).includes(heading))).toEqual([])
  })

  test('names only npm scripts that exist', () => {
    const named = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, script = '']) => script)
    expect(named.filter((script) => !(script in metadata.scripts))).toEqual([])
  })

  test('shows only commands and flags that exist', () => {
    for (const [line, command = ''] of text.matchAll(COMMAND)) {
      const help = helpOf(command)
      expect(help).toContain(`docker ipfs ${command}`)
      const flags = line.slice(line.indexOf(` ${command}`)).match(/(?<= )--?[a-z][a-z-]*/g) ?? []
      // `run` takes those of docker run too.
      const isOfDocker = (flag: string) => command === 'run' && OF_DOCKER.has(flag.replace(/^--?/, ''))
      for (const flag of flags.filter((each) => !isOfDocker(each)))
        expect(`${help}\n      --help`).toMatch(new RegExp(`(^|\\s)${flag}(?=[,\\s]|$)`, 'm'))
    }
  }, 60_000)
})

describe('docs/format.md', () => {
  const text = read('docs/format.md')

  test('has the numbers of the code', () => {
    const rows = tableOf(text, 'name in `src/format/numbers.ts`').filter(([name]) => name?.startsWith('`'))
    const numbers = rows.map(([name = '', , value]) => [name.replaceAll('`', ''), value])
    expect(Object.fromEntries(numbers)).toEqual(
      Object.fromEntries(Object.entries(FORMAT).map(([name, value]) => [name, String(value)])),
    )
  })

  test('has the golden CIDs of the tests', () => {
    const rows = tableOf(text, 'image').map(([name = '', , config = '', root = '']) => [name, config, root])
    const names = ['tiny', 'strange', 'large'] as const
    const golden = names.map((name) => [name, digest(GOLDEN[name]().config), GOLDEN_ROOTS[name]])
    expect(rows).toEqual(golden.map((row) => row.map((cell) => `\`${cell}\``)))
  })

  test('goes through "tiny" with its real blocks', async () => {
    const image = GOLDEN.tiny()
    const [tar = Buffer.alloc(0)] = image.layers
    const sink = new MemorySink()
    const layer = await writeLayer(once(tar), sink)
    const { root, manifestDigest } = await writeImageDag(image.config, [layer], sink)
    const top = new Map(sink.links(root.cid).map((link) => [link.Name ?? '', link.Hash]))
    const folder = sink.links(top.get('blobs') ?? root.cid)[0]?.Hash ?? root.cid
    const blobs = new Map(sink.links(folder).map((link) => [`sha256:${link.Name}`, link.Hash]))

    const rows = tableOf(text, 'entry').map(([entry = '', size = '', cid = '']) => [
      entry,
      size,
      cid.replaceAll('`', ''),
    ])
    const expected = [
      ['the layer blob', blobs.get(layer.blobDigest)],
      ['`oci-layout`', top.get('oci-layout')],
      ['`index.json`', top.get('index.json')],
      ['`manifest.json`', top.get('manifest.json')],
      ['the OCI manifest', blobs.get(manifestDigest)],
      ['the config', blobs.get(digest(image.config))],
      ['`image.tar`', top.get('image.tar')],
      ['`blobs/sha256`', folder],
    ].map(([entry, cid]) => [String(entry), sizeOf(sink, String(cid)), String(cid)])
    expect(rows).toEqual(expected)
    expect(text).toContain(`${tar.length} bytes (diffID \`${layer.diffId}\`)`)
  })
})

describe('ARCHITECTURE.md', () => {
  const text = read('ARCHITECTURE.md')
  const { FLOORS } = createRequire(import.meta.url)('../../scripts/floors.cjs') as { FLOORS: readonly string[][] }

  test('draws the floors as they are checked, the top floor first', () => {
    const picture = /```text\n(.*?)```/s.exec(text)?.[1] ?? ''
    const drawn = picture.split('\n').map((line) => line.trim().split(/ {3,}/)[0]?.split(/ +/).sort().join(' '))
    expect(drawn.filter((line) => line !== '')).toEqual(FLOORS.map((rooms) => [...rooms].sort().join(' ')).reverse())
  })

  test('has a row for each room', () => {
    const rows = tableOf(text, 'room').map(([room = '']) => room.replace(/^`src\/([\w-]+).*$/, '$1'))
    expect(rows.sort()).toEqual(FLOORS.flat().sort())
  })

  test('has sentences of at most 25 words in its steps', () => {
    const steps = text.match(/^\d\. .*$/gm) ?? []
    expect(steps.length).toBe(16)
    expect(steps.filter((step) => step.split(' ').length - 1 > 25)).toEqual([])
  })
})

test('README.md has a row of at most 12 words for each command', () => {
  const rows = tableOf(read('README.md'), '`docker ipfs …`')
  const commands = [...helpOf('').matchAll(/^ {2}(\w+)/gm)].map(([, command]) => command)
  expect(rows.map(([cell = '']) => /^`(\w+)/.exec(cell)?.[1]).sort()).toEqual(commands.sort())
  expect(rows.filter((cells) => cells.join(' ').split(' ').length > 12)).toEqual([])
})

test('the index of the guide has all pages, and the README leads to it', () => {
  const pages = new Set(linksOf(INDEX).map(({ path }) => path))
  expect([...pages].filter((page) => page.startsWith('docs/guide/')).sort()).toEqual(
    GUIDE.filter((page) => page !== INDEX),
  )
  expect(linksOf('README.md').map(({ path }) => path)).toContain(INDEX)
})

test('the guide lists every exit code', () => {
  const rows = tableOf(read('docs/guide/output-and-exit-codes.md'), 'exit code')
  const signals = [2, 15].map((signal) => new DockerIpfsError('CANCELLED', '', { signal }))
  const errors = [...errorCodes().map((code) => new DockerIpfsError(code, '')), ...signals, new Error('a bug')]
  const codes = new Set([0, ...errors.map((error) => endingOf(error, false).exitCode)])
  expect(rows.flatMap(([cell = '']) => cell.split(', ').map(Number))).toEqual([...codes].sort((a, b) => a - b))
})

test('the guide has all settings', () => {
  const code = (text: string | undefined) => (text === undefined ? '' : `\`${text}\``)
  const expected = Object.values<Setting>(SETTINGS).map((setting) => [
    code(setting.key),
    code(setting.env),
    code(setting.flag),
    setting.default,
    setting.text,
  ])
  expect(tableOf(read('docs/guide/node-and-settings.md'), 'in config.json')).toEqual(expected)
})

test('the guide quotes only messages that the code has', () => {
  const code = [...new Glob('src/**/*.ts').scanSync(ROOT)].map(read).join('\n')
  const messages = tableOf(read('docs/guide/troubleshooting.md'), 'message').map(([cell = '']) => cell.slice(1, -1))
  const parts = messages.flatMap((message) => message.split('…')).filter((part) => /\w/.test(part))
  expect(parts.filter((part) => !code.includes(part))).toEqual([])
})

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

function errorCodes(): ErrorCode[] {
  return [...read('src/errors.ts').matchAll(/^ {2}\| '(\w+)'/gm)].map(([, code]) => code as ErrorCode)
}

interface Link {
  /** From the root of the checkout; the document itself where a link has a heading only. */
  readonly path: string
  /** As in the address of the page, without `#`; empty for the whole page. */
  readonly heading: string
}

/** Where a document leads to in this checkout, images included. */
function linksOf(name: string): Link[] {
  const targets = read(name).matchAll(/(?:\]\(|^\[[^\]]+\]: |<img src=")(?!https?:)([^)"#\s]*)#?([^)"\s]*)/gm)
  return [...targets].map(([, target = '', heading = '']) => ({
    path: target === '' ? name : join(dirname(name), target),
    heading,
  }))
}

/** The headings of a document, as GitHub makes addresses of them. */
function headingsOf(name: string): string[] {
  return [...read(name).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\d _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** The rows of the Markdown table whose first heading this is, as trimmed cells. */
function tableOf(text: string, heading: string): string[][] {
  const lines = text.split('\n')
  const start = lines.findIndex((line) => line.startsWith(`| ${heading} |`))
  if (start < 0) throw new Error(`no table "${heading}"`)
  const after = lines.slice(start + 2)
  const end = after.findIndex((line) => !line.startsWith('|'))
  return after.slice(0, end < 0 ? undefined : end).map((line) =>
    line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim()),
  )
}

const HELP = new Map<string, string>()

function helpOf(command: string): string {
  let help = HELP.get(command)
  if (help === undefined) {
    const words = command.split(' ').filter((word) => word !== '')
    const run = Bun.spawnSync([process.execPath, join(ROOT, 'src/main.ts'), 'ipfs', ...words, '--help'])
    if (run.exitCode !== 0) throw new Error(`there is no command "${command}"`)
    help = run.stdout.toString()
    HELP.set(command, help)
  }
  return help
}

/** Bytes of a raw leaf; for other nodes the table says nothing. */
function sizeOf(sink: MemorySink, cid: string): string {
  return cid.startsWith('bafkrei') ? String(sink.blocks.get(cid)?.length) : ''
}

async function* once(bytes: Uint8Array) {
  yield bytes
}
