import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ENGINES } from '../support/engine.ts'
import { bulk, imageOf } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { script } from '../support/scripts.ts'
import { tarOf } from '../support/tar.ts'
import { Terminal, type TerminalOptions } from '../support/terminal.ts'
import { Toxiproxy, type Way } from '../support/toxiproxy.ts'

// What people see: commands in terminals of Debian's tmux. Nothing here depends on the engine.

const NAME = ENGINES[0] ?? ''
/** Of the layers, in MB. */
const SIZES = [24, 20, 16]
/** kB/s, at which each is under way for a second or two. */
const RATE = 15_000
const real = useReal({ engines: [NAME], nodes: ['node'] })
const engine = () => real.engine(NAME)
const node = () => real.node()
let toxiproxy: Toxiproxy
let way: Way
let root: string

/** Layers of some megabytes that do not compress, and a step whose text is long. */
const IMAGE = () => {
  const made = imageOf(SIZES.map((mb) => tarOf([{ path: `data/${mb}`, body: bulk(mb * 1_000_000, `bar ${mb}`) }])))
  const config = JSON.parse(made.config.toString())
  config.history[0].created_by = `RUN ${'a long step '.repeat(20)}`
  return { ...made, config: Buffer.from(JSON.stringify(config)) }
}

beforeAll(async () => {
  toxiproxy = await Toxiproxy.start((await script('toxiproxy')).trim())
  way = await toxiproxy.way('api', node().port)
  await engine().docker('tag', await engine().give(IMAGE()), 'team/application:1')
  root = await engine().save(node(), 'team/application:1')
})
afterAll(() => toxiproxy.stop())
beforeEach(async () => {
  await way.calm()
  await engine().clear()
  await engine().docker('tag', await engine().give(IMAGE()), 'team/application:1')
})

const END = 'exit code: '

/** A command in a terminal, with what is left on it: lines as they are shown. */
class Shown {
  readonly terminal: Terminal
  readonly #raw: string

  private constructor(terminal: Terminal, raw: string) {
    this.terminal = terminal
    this.#raw = raw
  }

  static async start(args: readonly string[], { env = {}, ...size }: TerminalOptions = {}): Promise<Shown> {
    const raw = join(real.place.folder, `${crypto.randomUUID()}.raw`)
    const all = { DOCKER_HOST: engine().host, DOCKER_IPFS_API: `/ip4/127.0.0.1/tcp/${way.port}`, ...env }
    const shell = `read go; docker ipfs "$@"; echo "${END}$?"; exec sleep 600`
    const terminal = await Terminal.open(real.place, ['sh', '-c', shell, 'sh', ...args], { env: all, ...size })
    await terminal.record(raw)
    await terminal.enter()
    return new Shown(terminal, raw)
  }

  /** The lines that are left, without those that are empty. */
  async end(exitCode = 0): Promise<string[]> {
    const screen = await this.terminal.shows(() => undefined, `${END}${exitCode}`)
    await this.terminal.close()
    const lines = screen.split('\n').filter((line) => line !== '')
    expect(lines.pop()).toBe(`${END}${exitCode}`)
    return lines
  }

  /** All that was printed. */
  get raw(): string {
    return readFileSync(this.#raw, 'utf8')
  }
}

async function shown(args: readonly string[], options?: TerminalOptions) {
  const command = await Shown.start(args, options)
  return { lines: await command.end(), raw: command.raw }
}

/** Escape codes of a terminal. */
function codesIn(raw: string): string[] {
  return raw
    .split('\u001b[')
    .slice(1)
    .map((text) => /^[\d;?]*[a-zA-Z]/.exec(text)?.[0] ?? '')
}

const NARROW = { columns: 40, rows: 24 }
const WIDE = { columns: 200, rows: 50 }
const layers = (word: string) =>
  SIZES.map((mb) => expect.stringMatching(new RegExp(`^[0-9a-f]{12}: ${word}  ${mb}(\\.\\d+)?MB$`)))

/** What a save leaves, which takes more than 3 s here. */
const SAVED = () => [
  'Saving team/application:1',
  ...layers('Saved'),
  expect.stringMatching(/^Saved 60(\.\d+)?MB in [\d.]+ s \([\d.]+MB\/s\)$/),
  root,
]

/** Layers are told in the order in which they went out. */
function largestFirst(lines: readonly string[]): string[] {
  const sizeOf = (line: string) => Number(/^[0-9a-f]{12}: .* {2}([\d.]+)MB$/.exec(line)?.[1])
  const ofLayers = lines.filter((line) => sizeOf(line) > 0).sort((one, other) => sizeOf(other) - sizeOf(one))
  return lines.map((line) => (sizeOf(line) > 0 ? (ofLayers.shift() ?? '') : line))
}

describe.each([NARROW, WIDE])('in $columns columns', (size) => {
  test('bars of a save and a load stay on their lines, and go away', async () => {
    await way.trouble({ rate: RATE })
    const saved = await shown(['save', '--no-cache', 'team/application:1'], size)
    expect(saved.raw).toContain('\u001b[0J')
    expect(largestFirst(saved.lines)).toEqual(SAVED())
    await engine().clear()
    const loaded = await shown(['load', 'team/application:1'], size)
    const lines = loaded.lines
    expect(largestFirst(lines.filter((line) => / Loaded /.test(line)))).toEqual(layers('Loaded'))
    expect(lines.filter((line) => /[[\]=>]/.test(line))).toEqual([])
    expect(lines.at(-1)).toMatch(/^Loaded image( ID)?: \S+$/)
  })

  test('tables and help have the same words as in a file', async () => {
    for (const args of [['ls'], ['history', 'team/application:1'], ['inspect', root], ['du'], ['doctor']]) {
      const { lines, raw } = await shown(args, { ...size, rows: 200 })
      const { stdout } = await engine().ipfs({ api: `/ip4/127.0.0.1/tcp/${way.port}` }, ...args)
      const must = stdout
        .split('\n')
        .map((line) => line.trimEnd())
        .filter((line) => line !== '')
      const same = (line: string) => line.replace(/\d+ (second|minute)s? ago|[\d.]+[kMG]?B\b/g, '').replace(/\s+/g, ' ')
      expect(lines.map(same)).toEqual(must.map(same))
      expect(raw).not.toContain('\u001b')
    }
  })
})

test('the flags in help are broken at words in a terminal of 60 or 80 columns', async () => {
  for (const columns of [80, 60]) {
    const { lines } = await shown(['save', '--help'], { columns, rows: 60 })
    expect(lines.filter((line) => line.startsWith(' ') && line.length >= columns)).toEqual([])
    expect(lines.join('\n')).toContain('  -o, --output string')
  }
})

test('bars in a terminal that becomes narrower and wider leave nothing behind', async () => {
  await way.trouble({ rate: RATE / 2 })
  const command = await Shown.start(['save', '--no-cache', 'team/application:1'], { columns: 120, rows: 20 })
  await command.terminal.shows(() => undefined, ']  ')
  for (let round = 0; round < 4; round++) {
    await command.terminal.resize(round % 2 === 0 ? 44 : 120, 20)
    // tmux tells of a size at most every 250 ms, and a redraw meanwhile is for the size before.
    await Bun.sleep(700)
  }
  await command.terminal.resize(120, 20)
  expect(command.raw).toMatch(/\[=+> {20,}\]/)
  expect(largestFirst(await command.end())).toEqual(SAVED())
})

describe('plain', () => {
  test.each([
    ['a dumb terminal', { TERM: 'dumb' }],
    ['--progress=plain', { DOCKER_IPFS_PROGRESS: 'plain' }],
  ])('lines and no escape codes are in %s', async (_, env) => {
    await way.trouble({ rate: RATE })
    const { lines, raw } = await shown(['save', '--no-cache', 'team/application:1'], { ...WIDE, env })
    expect(largestFirst(lines)).toEqual(SAVED())
    expect(raw).not.toContain('\u001b')
  })

  test('bars have no colours, with NO_COLOR or without', async () => {
    await way.trouble({ rate: RATE })
    for (const env of [{ NO_COLOR: '1' }, {}]) {
      const { raw } = await shown(['save', '--no-cache', 'team/application:1'], { ...WIDE, env })
      expect(codesIn(raw).length).toBeGreaterThan(10)
      expect(codesIn(raw).filter((code) => code.endsWith('m'))).toEqual([])
    }
  })

  const COMMANDS = [
    ['diff', 'team/application:1', 'team/application:1'],
    ['history', 'team/application:1'],
    ['ls'],
    ['du'],
  ]
  test.each([{ LANG: 'C' }, { LC_ALL: 'C', LANG: 'C.UTF-8' }, { LC_CTYPE: 'POSIX' }, { LANG: 'de_DE.ISO-8859-1' }])(
    'ASCII alone is in the words where the locale is %j',
    async (env) => {
      for (const args of COMMANDS) {
        const { raw } = await shown(args, { ...WIDE, env: { LC_ALL: '', ...env } })
        expect([...raw].filter((one) => one > '~')).toEqual([])
      }
    },
  )

  test('all characters are there where the locale has them, or says nothing', async () => {
    for (const env of [{ LC_ALL: 'C.UTF-8' }, { LC_ALL: '', LANG: 'en_GB.utf8' }]) {
      expect((await shown(COMMANDS[0] ?? [], { ...WIDE, env })).raw).toContain('█')
      expect((await shown(COMMANDS[1] ?? [], { ...WIDE, env })).raw).toContain('…')
    }
  })
})
