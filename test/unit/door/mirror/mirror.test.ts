import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TOML, YAML } from 'bun'
import fc from 'fast-check'
import { daemonJson } from '../../../../src/door/mirror/daemon-json.ts'
import type { Form } from '../../../../src/door/mirror/form.ts'
import { hostsToml, registriesConf } from '../../../../src/door/mirror/marked-block.ts'
import { changesOf, planMirror, writeMirror } from '../../../../src/door/mirror/mirror.ts'
import { registriesYaml } from '../../../../src/door/mirror/registries-yaml.ts'
import { errorOf } from '../../../support/error-of.ts'

const mirror = { registry: 'docker.io', address: '127.0.0.1:5300' }
const FORMS: readonly (readonly [name: string, form: Form])[] = [
  ['daemon.json', daemonJson],
  ['hosts.toml', hostsToml],
  ['registries.conf', registriesConf],
  ['registries.yaml', registriesYaml],
]

describe.each(FORMS)('the mirror in %s', (_, form) => {
  test('is in a new file, is there once, and leaves no file', () => {
    const text = form.add('', mirror)
    expect(text).toContain('127.0.0.1:5300')
    expect(form.add(text, mirror)).toBe(text)
    expect(form.remove(text, mirror)).toBe('')
    expect(form.remove('', mirror)).toBe('')
  })

  test.each(['{', '[[', '- a\n  b: [', '"x', 'a = = b', '\t: :'])('is in no file that cannot be read: %p', (text) => {
    for (const change of [form.add, form.remove]) {
      let after: string = text
      try {
        after = change(text, mirror)
      } catch (error) {
        expect(error).toMatchObject({ code: 'FILE_FAILED' })
      }
      expect(after).toBe(text)
    }
  })
})

const key = fc.stringMatching(/^[a-z][a-z0-9-]{0,9}$/)
const value = fc.jsonValue({ maxDepth: 2 })

test('all other keys of a daemon.json stay as they are, in their order', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.oneof(key, fc.string()), value),
      fc.array(fc.webUrl(), { maxLength: 3 }),
      (others, mirrors) => {
        const before = JSON.parse(
          JSON.stringify({ ...others, ...(mirrors.length === 0 ? {} : { 'registry-mirrors': mirrors }) }),
        )
        const added = daemonJson.add(JSON.stringify(before), mirror)
        const { 'registry-mirrors': now, ...rest } = JSON.parse(added)
        const { 'registry-mirrors': _, ...was } = before
        expect(rest).toEqual(was)
        expect(Object.keys(rest)).toEqual(Object.keys(was))
        expect(now).toEqual(['http://127.0.0.1:5300', ...mirrors])
        expect(JSON.parse(daemonJson.remove(added, mirror) || '{}')).toEqual(before)
      },
    ),
  )
})

test('all that a registries.yaml has stays', () => {
  fc.assert(
    fc.property(
      fc.dictionary(key, value),
      fc.dictionary(key, fc.record({ endpoint: fc.array(fc.webUrl()) })),
      (others, hosts) => {
        const before = JSON.parse(JSON.stringify({ ...others, mirrors: hosts }))
        const added = YAML.parse(registriesYaml.add(YAML.stringify(before), mirror)) as Record<string, object>
        expect(added).toEqual({
          ...before,
          mirrors: { ...hosts, 'docker.io': { endpoint: ['http://127.0.0.1:5300'] } },
        })
      },
    ),
  )
})

describe('what people wrote', () => {
  test('keeps its indentation in a daemon.json', () => {
    expect(daemonJson.add('{\n\t"debug": true\n}\n', mirror)).toBe(
      '{\n\t"debug": true,\n\t"registry-mirrors": [\n\t\t"http://127.0.0.1:5300"\n\t]\n}\n',
    )
  })

  test.each(['[]', 'null', '"x"', '{"registry-mirrors": "http://a"}', '{"registry-mirrors": [1]}'])(
    'is refused where it is no daemon.json: %s',
    (text) => {
      expect(() => daemonJson.add(text, mirror)).toThrow('that can be changed')
    },
  )

  test('stays in a hosts.toml, comments included, and our host is the first', () => {
    const text = '# mine\nserver = "https://x"\n\n[host."https://y"] # other\n  capabilities = ["pull"]\n'
    const added = hostsToml.add(text, mirror)
    const { server, host } = TOML.parse(added) as { server: string; host: object }
    expect([server, Object.keys(host)]).toEqual(['https://x', ['http://127.0.0.1:5300', 'https://y']])
    expect(added).toContain('# mine')
    expect(hostsToml.remove(added, mirror)).toBe(text)
  })

  test('stays beside it in a hosts.toml without hosts', () => {
    const added = hostsToml.add('server = "https://x"', mirror)
    expect(TOML.parse(added)).toEqual({
      server: 'https://x',
      host: { 'http://127.0.0.1:5300': { capabilities: ['pull', 'resolve'] } },
    })
  })

  test('is no place for a second registry of the same prefix', () => {
    const text = '[[registry]]\nprefix = "docker.io"\nlocation = "mirror.example"\n'
    expect(registriesConf.add(text, mirror)).toBe(text)
  })

  test('has several registries in one file, and each goes by itself', () => {
    const other = { ...mirror, registry: 'ghcr.io' }
    const both = registriesConf.add(registriesConf.add('', mirror), other)
    expect((TOML.parse(both) as { registry: object[] }).registry).toHaveLength(2)
    expect(registriesConf.remove(both, mirror)).toBe(registriesConf.add('', other))
  })

  test('is what k3s has for other registries, and other endpoints of this one', () => {
    const text =
      'mirrors:\n  docker.io:\n    endpoint:\n      - "https://m"\n    rewrite: {"^a": "b"}\nconfigs: {x: {auth: {token: "1"}}}\n'
    const added = registriesYaml.add(text, mirror)
    expect(YAML.parse(added)).toEqual({
      mirrors: { 'docker.io': { endpoint: ['http://127.0.0.1:5300', 'https://m'], rewrite: { '^a': 'b' } } },
      configs: { x: { auth: { token: '1' } } },
    })
    expect(YAML.parse(registriesYaml.remove(added, mirror))).toEqual(YAML.parse(text))
  })
})

describe('the file', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-mirror-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const plan = (file: string, more: Partial<Parameters<typeof planMirror>[0]> = {}) =>
    planMirror({ ...mirror, tool: 'docker', file, home: undefined, removes: false, ...more })

  test('is changed with a copy beside it, and keeps its rights', async () => {
    const file = join(folder, 'daemon.json')
    writeFileSync(file, '{"debug":true}')
    chmodSync(file, 0o640)
    const planned = await plan(file)
    expect(readFileSync(file, 'utf8')).toBe('{"debug":true}')
    expect(await writeMirror(planned)).toBe(`${file}.before-docker-ipfs`)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      debug: true,
      'registry-mirrors': ['http://127.0.0.1:5300'],
    })
    expect(statSync(file).mode & 0o777).toBe(0o640)
    expect(readFileSync(`${file}.before-docker-ipfs`, 'utf8')).toBe('{"debug":true}')
    expect(readdirSync(folder)).toHaveLength(2)
  })

  test('is made with its folders, and taken away again where nothing else is in it', async () => {
    const file = join(folder, 'a/b/hosts.toml')
    expect(await writeMirror(await plan(file, { tool: 'containerd' }))).toBeUndefined()
    expect(existsSync(file)).toBe(true)
    await writeMirror(await plan(file, { tool: 'containerd', removes: true }))
    expect(existsSync(file)).toBe(false)
  })

  test('is the one that a link leads to', async () => {
    const [link, file] = [join(folder, 'link.json'), join(folder, 'real.json')]
    writeFileSync(file, '{}')
    symlinkSync(file, link)
    await writeMirror(await plan(link))
    expect(statSync(link, { bigint: false }).isFile()).toBe(true)
    expect(readFileSync(file, 'utf8')).toContain('5300')
  })

  test('is named where it cannot be read', async () => {
    const file = join(folder, 'daemon.json')
    writeFileSync(file, '// comment\n{}')
    expect(await errorOf(plan(file))).toMatchObject({
      code: 'FILE_FAILED',
      message: expect.stringContaining(`${file} is no JSON that can be changed`),
    })
    expect(await errorOf(plan(folder))).toMatchObject({ code: 'FILE_FAILED', message: expect.stringContaining(folder) })
  })

  test('tells what goes and what comes', async () => {
    const file = join(folder, 'daemon.json')
    writeFileSync(file, '{\n  "debug": true\n}\n')
    expect(changesOf(await plan(file))).toEqual([
      '-   "debug": true',
      '+   "debug": true,',
      '+   "registry-mirrors": [',
      '+     "http://127.0.0.1:5300"',
      '+   ]',
    ])
  })

  test('of dockerd counts after a reload, and taken out of it only after a restart', async () => {
    const file = join(folder, 'daemon.json')
    expect((await plan(file)).reload).toContain('systemctl reload docker')
    for (const [mirrors, word] of [
      [['http://127.0.0.1:5300'], 'restart'],
      [['http://127.0.0.1:5300', 'https://m'], 'reload'],
    ] as const) {
      writeFileSync(file, JSON.stringify({ debug: true, 'registry-mirrors': mirrors }))
      expect((await plan(file, { removes: true })).reload).toContain(`systemctl ${word} docker`)
    }
  })

  test.each([
    ['docker', 'ghcr.io', 'dockerd has mirrors for docker.io alone, not for ghcr.io'],
    ['moby', 'docker.io', '"moby" is none of containerd, crio, docker, k3s, podman'],
    ['containerd', '../x', '--registry is the host of a registry, such as docker.io, not "../x"'],
  ])('is none of %s for %s', async (tool, registry, message) => {
    expect(await errorOf(plan(join(folder, 'x'), { tool, registry }))).toMatchObject({ code: 'USAGE', message })
  })
})
