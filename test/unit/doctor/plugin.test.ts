import { describe, expect, test } from 'bun:test'
import { examinePlugin, type Plugins } from '../../../src/doctor/plugin.ts'
import type { PluginInfo } from '../../../src/engine/docker/plugins.ts'
import { DockerIpfsError } from '../../../src/errors.ts'

const never = new AbortController().signal
const OWN = '/home/user/.docker/cli-plugins/docker-ipfs'
const SYSTEM = '/usr/libexec/docker/cli-plugins/docker-ipfs'

/** Copies by path, with their versions; a link leads to another path. */
interface Machine {
  readonly versions?: Readonly<Record<string, string>>
  readonly links?: Readonly<Record<string, string>>
}

/** What is found of copies, beside the version that runs. */
async function copies(installed: PluginInfo | undefined, { versions = {}, links = {} }: Machine = {}) {
  const plugins: Plugins = {
    own: { version: '1.2.0', path: OWN },
    installed: async () => installed,
    versionOf: async (path) => versions[path],
    realPath: (path) => links[path] ?? path,
  }
  const [version, ...rest] = await examinePlugin(plugins, never)
  expect(version).toEqual({
    part: 'plugin',
    check: 'version',
    state: 'ok',
    found: `docker-ipfs 1.2.0, ${OWN}`,
    todo: '',
  })
  return rest.map(({ state, found, todo }) => [state, found, todo])
}

const own = (...hidden: string[]): PluginInfo => ({ version: '1.2.0', path: OWN, hidden })

describe('of the plugin the doctor says', () => {
  test('that docker has it alone', async () => {
    expect(await copies(own())).toEqual([['ok', 'docker has this one alone', '']])
  })

  test('that docker does not know it', async () => {
    expect(await copies(undefined)).toEqual([
      ['warn', 'docker does not know this plugin', `Copy ${OWN} to ~/.docker/cli-plugins/docker-ipfs.`],
    ])
  })

  test('that docker starts another copy', async () => {
    expect(await copies({ version: '1.1.0', path: SYSTEM, hidden: [] })).toEqual([
      ['warn', `docker starts another copy: ${SYSTEM} (1.1.0)`, `Delete it, or use it instead of ${OWN}.`],
    ])
  })

  test('nothing of a link to the same file', async () => {
    const links = { [SYSTEM]: OWN }
    expect(await copies({ version: '1.2.0', path: SYSTEM, hidden: [] }, { links })).toEqual([
      ['ok', 'docker has this one alone', ''],
    ])
    expect(await copies(own(SYSTEM), { links })).toEqual([['ok', 'docker has this one alone', '']])
  })

  test.each([
    ['1.1.9', `a second copy, ${SYSTEM} (1.1.9) is hidden by ${OWN} (1.2.0)`, `Delete ${SYSTEM}.`],
    ['1.2.0', `a second copy, ${SYSTEM} (1.2.0) is hidden by ${OWN} (1.2.0)`, `Delete ${SYSTEM}.`],
    [
      '1.10.0',
      `a newer copy, ${SYSTEM} (1.10.0) is hidden by ${OWN} (1.2.0)`,
      `Delete ${OWN}, so that docker takes the newer one.`,
    ],
  ])('that a copy of %s is hidden', async (version, found, todo) => {
    expect(await copies(own(SYSTEM), { versions: { [SYSTEM]: version } })).toEqual([['warn', found, todo]])
  })

  test('that a copy is hidden which does not run', async () => {
    expect(await copies(own(SYSTEM))).toEqual([
      ['warn', `a second copy, ${SYSTEM} (?) is hidden by ${OWN} (1.2.0)`, `Delete ${SYSTEM}.`],
    ])
  })

  test('why docker cannot be asked', async () => {
    const plugins: Plugins = {
      own: { version: '1.2.0', path: OWN },
      installed: () => Promise.reject(new DockerIpfsError('ENGINE_UNREACHABLE', 'cannot find the docker command')),
      versionOf: async () => undefined,
      realPath: (path) => path,
    }
    expect(await examinePlugin(plugins, never)).toMatchObject([
      { check: 'version', state: 'ok' },
      { check: 'copies', state: 'fail', found: 'cannot find the docker command', todo: '' },
    ])
  })
})
