import { expect, test } from 'bun:test'
import { doctor } from '../../../../src/cli/commands/doctor.ts'
import type { Patient } from '../../../../src/doctor/doctor.ts'
import { DockerIpfsError } from '../../../../src/errors.ts'
import { formatBytes } from '../../../../src/units.ts'
import { runCommand } from '../../../support/command.ts'
import { nodeWith } from '../../../support/healthy.ts'
import { MemoryEngine } from '../../../support/memory/engine.ts'

const HEALTHY = nodeWith({})

function patientWith(other: Partial<Patient>): Patient {
  return {
    engine: new MemoryEngine(),
    openNode: async () => HEALTHY,
    openOther: async () => HEALTHY,
    plugins: {
      own: { version: '0.1.0', path: '/plugins/docker-ipfs' },
      installed: async () => ({ version: '0.1.0', path: '/plugins/docker-ipfs', hidden: [] }),
      versionOf: async () => '0.1.0',
      realPath: (path) => path,
    },
    config: { file: '/home/me/.docker/config.json', faults: [], inEffect: [], openSecrets: [] },
    lookAtRegistry: async () => ({ isRunning: false }),
    lookAtRemotes: async () => [],
    format: formatBytes,
    signal: new AbortController().signal,
    ...other,
  }
}
const run = (other: Partial<Patient>, ...argv: string[]) => runCommand(doctor, argv, { patient: patientWith(other) })

test('where all is well each check is a line, and the exit code 0', async () => {
  const { exitCode, stdout, stderr } = await run({})
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  const [heads, ...lines] = stdout.trimEnd().split('\n')
  expect(heads).toMatch(/^STATE {3}CHECK {2,}FOUND$/)
  expect(lines.every((line) => line.startsWith('ok      '))).toBe(true)
  expect(lines.some((line) => /^ok +plugin copies +docker has this one alone$/.test(line))).toBe(true)
})

const REFUSED = () =>
  Promise.reject(new DockerIpfsError('NODE_UNREACHABLE', 'nobody answers', { hint: 'Start Kubo with "ipfs daemon".' }))

test('what fails is told with what to do below it, and ends with exit code 1', async () => {
  const { exitCode, stdout, stderr } = await run({ openNode: REFUSED, openOther: REFUSED })
  expect(exitCode).toBe(1)
  expect(stdout).toMatch(/\nfail +node \w+ +nobody answers\n +-> Start Kubo with "ipfs daemon"\.\n/)
  const checks = stdout.split('\n').filter((line) => /^(ok|warn|fail)/.test(line)).length
  expect(stderr).toBe(`ERROR: 1 of ${checks} checks failed\n`)
})

test('a warning is no failure', async () => {
  const config = { ...patientWith({}).config, openSecrets: ['/home/me/secret'] }
  const { exitCode, stdout, stderr } = await run({ config })
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  expect(stdout).toMatch(
    /\nwarn +config secret +other users of this machine can read \/home\/me\/secret\n +-> chmod 600/,
  )
})

test('a finding is a row for --format', async () => {
  const faults = [{ text: 'unknown setting', isLost: false }]
  const config = { ...patientWith({}).config, faults }
  const { stdout } = await run({ config }, '--format', 'json')
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(rows).toContainEqual({
    Part: 'config',
    Check: 'settings',
    State: 'warn',
    Found: 'unknown setting',
    Todo: 'Check its spelling, or take it out.',
  })
  expect((await run({}, '--format', '{{.State}}')).stdout).toMatch(/^(ok\n)+$/)
  expect((await run({}, '--format', 'table')).stdout).toMatch(/^PART +CHECK +STATE +FOUND +TO DO\n/)
})

test('a mistake in the template is found before anybody is asked', async () => {
  const { exitCode, stdout, stderr } = await runCommand(doctor, ['--format', '{{.Nope}}'], {})
  expect({ exitCode, stdout }).toEqual({ exitCode: 125, stdout: '' })
  expect(stderr).toStartWith('ERROR: the template of --format asks for .Nope, which is not there\n')
})
