import { beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import metadata from '../../plugin-metadata.json' with { type: 'json' }
import { ENGINES } from '../support/engine.ts'
import { GOLDEN, GOLDEN_ROOTS } from '../support/images.ts'
import { PLUGIN, type StartOptions } from '../support/place.ts'
import { useReal } from '../support/real.ts'

const real = useReal({ engines: [ENGINES[0] ?? ''], nodes: ['node'] })
const engine = () => real.engine(ENGINES[0] ?? '')
const docker = (line: string, options: StartOptions = {}) =>
  real.place.run('docker', line === '' ? [] : line.split(' '), {
    ...options,
    env: { DOCKER_IPFS_API: real.node().api, ...options.env },
  })

/** Which commands there are is told by the unit tests; here it is that they come through docker, in docker's form. */
const COMMANDS = expect.stringMatching(
  new RegExp(
    `^Usage:  docker ipfs COMMAND\\n\\n${metadata.ShortDescription}\\n\\n(?:Management Commands:\\n(?:  \\S+ +\\S.*\\n)+\\n)?Commands:\\n(?:  [a-z]+ +\\S.*\\n){9,}\\nRun 'docker ipfs COMMAND --help' for more information on a command\\.\\n$`,
  ),
)

const SAVE = `Usage:  docker ipfs save [OPTIONS] IMAGE [IMAGE...]

Save one or more images to the IPFS node and print their CIDs

Options:
      --api string         Address of the node's RPC API (multiaddr or URL)
      --dry-run            Print what a save would add to the node, and
                           write nothing
  -i, --input string       Save the images of an archive or OCI layout,
                           instead of the engine's ("-" is STDIN)
      --no-cache           Save everything anew, whatever the node's
                           catalogue knows
  -o, --output string      Write a CAR file, instead of to the node ("-"
                           is STDOUT)
      --platform string    Only this platform of an image with several
                           (os[/arch[/variant]], e.g. linux/arm64)
      --progress string    Type of progress output (auto, tty, plain,
                           json, quiet) (default "auto")
  -q, --quiet              Print nothing but the CID
      --since string       With --output: leave out what the image with
                           this CID has
      --timeout duration   With --since: give up when no data has come
                           for this long (e.g. 90s, 5m) (default 1m0s)
`

describe('docker', () => {
  test('asks for the metadata and gets one JSON object', async () => {
    const run = await real.place.run(PLUGIN, ['docker-cli-plugin-metadata'])
    expect(run).toMatchObject({ exitCode: 0, stdout: `${JSON.stringify(metadata)}\n`, stderr: '' })
    expect(metadata.SchemaVersion).toBe('0.1.0')
  })

  test('lists the plugin in `docker info`, without a warning', async () => {
    const run = await docker(`-H ${engine().host} info`)
    expect(run.exitCode).toBe(0)
    expect(run.stdout).toContain(metadata.ShortDescription)
    expect(run.stderr).not.toMatch(/plugin/i)
    const plugins = JSON.parse(await engine().docker('info', '--format', '{{json .ClientInfo.Plugins}}')) as object[]
    const ours = plugins.find((plugin) => 'Name' in plugin && plugin.Name === 'ipfs')
    expect(ours).toMatchObject({ ...metadata, Path: join(real.place.dockerConfig, 'cli-plugins', 'docker-ipfs') })
    expect(ours).not.toHaveProperty('Err')
  })

  test('lists the plugin in `docker --help`', async () => {
    const { stdout } = await docker('--help')
    expect(stdout).toMatch(/^ {2}ipfs\* +\S/m)
    expect(stdout).toContain(metadata.ShortDescription)
  })

  test('takes the exit code of the plugin for its own', async () => {
    expect(await docker('ipfs version')).toMatchObject({
      exitCode: 0,
      stdout: `docker-ipfs version ${metadata.Version}\n`,
      stderr: '',
    })
    expect((await docker('ipfs save --nope')).exitCode).toBe(125)
  })
})

describe('help', () => {
  test.each(['ipfs', 'ipfs --help', 'ipfs -h', 'help ipfs', 'ipfs help'])(
    '`docker %s` lists the commands',
    async (line) => {
      expect(await docker(line)).toMatchObject({ exitCode: 0, stdout: COMMANDS, stderr: '' })
    },
  )

  test.each(['ipfs save --help', 'ipfs save -h', 'help ipfs save', 'ipfs help save', 'ipfs save x --help'])(
    '`docker %s` explains the command',
    async (line) => {
      expect(await docker(line)).toMatchObject({ exitCode: 0, stdout: SAVE, stderr: '' })
    },
  )
})

describe('mistakes', () => {
  test.each([
    ['ipfs foo', 1, '', 'ERROR: unknown command: "foo"\n"docker ipfs --help" shows the commands.\n'],
    [
      'ipfs save',
      1,
      '',
      "docker: 'docker ipfs save' requires at least 1 argument\n\nUsage:  docker ipfs save [OPTIONS] IMAGE [IMAGE...]\n\nRun 'docker ipfs save --help' for more information\n",
    ],
    [
      'ipfs load',
      1,
      '',
      "docker: 'docker ipfs load' requires 1 argument\n\nUsage:  docker ipfs load [OPTIONS] REFERENCE\n\nRun 'docker ipfs load --help' for more information\n",
    ],
    [
      'ipfs load a b',
      1,
      '',
      "docker: 'docker ipfs load' requires at most 1 argument\n\nUsage:  docker ipfs load [OPTIONS] REFERENCE\n\nRun 'docker ipfs load --help' for more information\n",
    ],
    [
      'ipfs version x',
      1,
      '',
      "docker: 'docker ipfs version' accepts no arguments\n\nUsage:  docker ipfs version\n\nRun 'docker ipfs version --help' for more information\n",
    ],
    [
      'ipfs save --nope x',
      125,
      '',
      "unknown flag: --nope\n\nUsage:  docker ipfs save [OPTIONS] IMAGE [IMAGE...]\n\nRun 'docker ipfs save --help' for more information\n",
    ],
    [
      'ipfs save -z x',
      125,
      '',
      "unknown shorthand flag: 'z' in -z\n\nUsage:  docker ipfs save [OPTIONS] IMAGE [IMAGE...]\n\nRun 'docker ipfs save --help' for more information\n",
    ],
    [
      'ipfs load --timeout',
      125,
      '',
      "flag needs an argument: --timeout\n\nUsage:  docker ipfs load [OPTIONS] REFERENCE\n\nRun 'docker ipfs load --help' for more information\n",
    ],
    [
      'ipfs load --timeout soon x',
      125,
      '',
      'invalid argument "soon" for "--timeout" flag: must be a duration such as 90s, 5m or 1h30m\n\nUsage:  docker ipfs load [OPTIONS] REFERENCE\n\nRun \'docker ipfs load --help\' for more information\n',
    ],
    [
      'ipfs --nope',
      125,
      '',
      "unknown flag: --nope\n\nUsage:  docker ipfs COMMAND\n\nRun 'docker ipfs --help' for more information\n",
    ],
  ])('`docker %s`', async (line, exitCode, stdout, stderr) => {
    expect(await docker(line)).toMatchObject({ exitCode, stdout, stderr })
  })
})

describe("docker's global flags before `ipfs` reach every docker that is started", () => {
  const saved = { exitCode: 0, stdout: `${GOLDEN_ROOTS.tiny}\n`, stderr: '' }

  beforeAll(async () => {
    await engine().docker('image', 'tag', await engine().give(GOLDEN.tiny()), 'tiny:1')
    await docker(`context create private --docker host=${engine().host}`)
  })

  test.each([
    ['-H', () => `-H ${engine().host} ipfs save -q tiny:1`],
    ['-H in front of others', () => `-H ${engine().host} --tls=false -l error ipfs save -q tiny:1`],
    ['--host=', () => `--host=${engine().host} ipfs save -q tiny:1`],
    ['-H after `ipfs`', () => `ipfs -H ${engine().host} save -q tiny:1`],
    ['--context', () => '--context private ipfs save -q tiny:1'],
    ['-c', () => '-c private ipfs save -q tiny:1'],
  ])('%s', async (_, line) => {
    expect(await docker(line())).toMatchObject(saved)
  })

  test('DOCKER_HOST and DOCKER_CONTEXT, which they inherit', async () => {
    expect(await docker('ipfs save -q tiny:1', { env: { DOCKER_HOST: engine().host } })).toMatchObject(saved)
    expect(await docker('ipfs save -q tiny:1', { env: { DOCKER_CONTEXT: 'private' } })).toMatchObject(saved)
  })

  test('--config, with the context that it has', async () => {
    const config = join(real.place.folder, 'other-config')
    mkdirSync(join(config, 'cli-plugins'), { recursive: true })
    symlinkSync(PLUGIN, join(config, 'cli-plugins', 'docker-ipfs'))
    await docker(`--config ${config} context create elsewhere --docker host=${engine().host}`)
    expect(await docker(`--config ${config} --context elsewhere ipfs save -q tiny:1`)).toMatchObject(saved)
    expect((await docker('--context elsewhere ipfs save -q tiny:1')).exitCode).not.toBe(0)
  })

  test('-D adds the causes of an error', async () => {
    const run = await docker(`-D -H ${engine().host} ipfs load -q --api http://127.0.0.1:1 ${GOLDEN_ROOTS.tiny}`)
    // docker itself may say more with -D, a line each.
    const [error, hint, cause] = run.stderr.split('\n').filter((line) => !line.startsWith('time='))
    expect(run.exitCode).toBe(3)
    expect(error).toBe('ERROR: cannot reach the IPFS node at http://127.0.0.1:1')
    expect(hint).toBe('Start it, or name another: this address is from --api.')
    expect(cause).toMatch(/^Caused by: \S/)
  })

  test('a context that does not exist is told, with the command that lists them', async () => {
    const run = await docker('--context nosuch ipfs save -q tiny:1')
    expect(run).toMatchObject({
      exitCode: 3,
      stderr:
        'ERROR: cannot reach the Docker engine: there is no context "nosuch"\n"docker context ls" shows those that are there.\n',
    })
  })
})

describe('completion', () => {
  test('offers commands and flags, and starts nothing', async () => {
    const { stdout } = await docker('__complete ipfs s')
    expect(stdout).toMatch(/^save\tSave one or more images/)
    expect((await docker('__complete ipfs save --pr')).stdout).toMatch(/^--progress\tType of progress output/)
    expect(await real.traces()).toMatchObject({ processes: [], files: [] })
  })
})

test('without docker in front the binary is the same program', async () => {
  const env = { DOCKER_IPFS_API: real.node().api }
  const run = await real.place.run(PLUGIN, ['-H', engine().host, 'save', '-q', 'tiny:1'], { env })
  expect(run).toMatchObject({ exitCode: 0, stdout: `${GOLDEN_ROOTS.tiny}\n`, stderr: '' })
})
