import { describe, expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import metadata from '../../package.json' with { type: 'json' }
import { endingOf } from '../../src/cli/exit.ts'
import { SETTINGS, type Setting } from '../../src/cli/settings.ts'
import { DockerIpfsError, type ErrorCode } from '../../src/errors.ts'
import { writeImageDag } from '../../src/format/image-dag.ts'
import { writeLayer } from '../../src/format/layer.ts'
import { FORMAT } from '../../src/format/numbers.ts'
import { digest, GOLDEN, GOLDEN_ROOTS } from '../support/images.ts'
import { MemorySink } from '../support/memory-sink.ts'

const ROOT = join(import.meta.dir, '../..')
const DOCS = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'docs/engines.md', 'docs/format.md']

/** Paths of the checkout as docs name them; what a build or a user makes is not among them. */
const PATH = /(?<![\w/.~-])(?:(?:src|scripts|bench|test|docs)\/[\w./-]*[\w/]|\.ci\/run|\.dependency-cruiser\.cjs)/g

describe.each(DOCS)('%s', (name) => {
  const text = read(name)

  test('names only paths that exist', () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, target = '']) => join(dirname(name), target))
    const paths = [...(text.match(PATH) ?? []), ...links]
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
  })

  test('names only npm scripts that exist', () => {
    const named = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, script = '']) => script)
    expect(named.filter((script) => !(script in metadata.scripts))).toEqual([])
  })

  test('shows only commands and flags that exist', () => {
    for (const [line, command = ''] of text.matchAll(/docker(?: -\w \S+| --\w+ \S+)* ipfs ([a-z]+)[^\n`)#|]*/g)) {
      const help = helpOf(command)
      expect(help).toContain(`docker ipfs ${command}`)
      const flags = line.slice(line.indexOf(` ${command}`)).match(/(?<= )--?[a-z]+/g) ?? []
      for (const flag of flags) expect(`${help}\n      --help`).toMatch(new RegExp(`(^|\\s)${flag}[, \\n]?`, 'm'))
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

  test('lists every error code with its exit code', () => {
    const rows = tableOf(text, 'code').flatMap(([codes = '', exit = '']) =>
      [...codes.matchAll(/`(\w+)`/g)].map(([, code = '']) => [code, Number.parseInt(exit, 10)]),
    )
    const codes = [...read('src/errors.ts').matchAll(/^ {2}\| '(\w+)'/gm)].map(([, code]) => code as ErrorCode)
    const expected = codes.map((code) => [code, endingOf(new DockerIpfsError(code, ''), false).exitCode])
    expect(rows.sort()).toEqual(expected.sort())
  })

  test('lists the rooms with the imports that are allowed', () => {
    const rows = tableOf(text, 'room').map(([room = '', , imports = '']) => [
      room.replace(/^`src\/([\w-]+).*$/, '$1'),
      imports,
    ])
    const { forbidden } = createRequire(import.meta.url)('../../.dependency-cruiser.cjs') as Boundaries
    for (const { name, to } of forbidden) {
      if (!Array.isArray(to.pathNot)) continue
      const room = name.replace(/-imports$/, '')
      const allowed = to.pathNot.map((path) => path.replace(/^\^src\/(.*)\(\/.*$/, '$1'))
      expect(rows).toContainEqual([room, allowed.filter((other) => other !== room).join(', ')])
    }
  })
})

test('README.md lists every exit code', () => {
  const codes = tableOf(read('README.md'), 'exit code').flatMap(([cell = '']) => cell.split(', ').map(Number))
  const cells = tableOf(read('ARCHITECTURE.md'), 'code').map(([, cell = '']) => cell)
  const known = cells.flatMap((cell) => [...cell.matchAll(/\d+/g)].map(Number))
  expect(codes.sort()).toEqual([...known, 0, 70].sort())
})

test('README.md has all settings', () => {
  const code = (text: string | undefined) => (text === undefined ? '' : `\`${text}\``)
  const expected = Object.values<Setting>(SETTINGS).map((setting) => [
    code(setting.key),
    code(setting.env),
    code(setting.flag),
    setting.default,
    setting.text,
  ])
  expect(tableOf(read('README.md'), 'in config.json')).toEqual(expected)
})

/** What is read of the import rules: a room's own name and those it may import are in `pathNot`. */
interface Boundaries {
  readonly forbidden: readonly { readonly name: string; readonly to: { readonly pathNot?: string | string[] } }[]
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
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
    const run = Bun.spawnSync([process.execPath, join(ROOT, 'src/main.ts'), 'ipfs', command, '--help'])
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
