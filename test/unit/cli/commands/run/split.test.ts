import { describe, expect, test } from 'bun:test'
import { flagsIn, KNOWN } from '../../../../../src/cli/commands/run/docker-flags.ts'
import { run } from '../../../../../src/cli/commands/run/run.ts'
import { split } from '../../../../../src/cli/commands/run/split.ts'

const apart = (line: string, flags = KNOWN) =>
  split(
    line.split(' ').filter((word) => word !== ''),
    run.options,
    flags,
  )

describe('a command line of run', () => {
  test.each([
    ['app:1', [], [], 'app:1', []],
    ['app:1 sh -c x', [], [], 'app:1', ['sh', '-c', 'x']],
    // All behind the reference is the container's, our flags too.
    ['app:1 --api x --rm -q --help', [], [], 'app:1', ['--api', 'x', '--rm', '-q', '--help']],
    ['--rm -it --name box app:1', [], ['--rm', '-it', '--name', 'box'], 'app:1', []],
    ['--name=box -e A=b -eC=d app:1', [], ['--name=box', '-e', 'A=b', '-eC=d'], 'app:1', []],
    ['-itp 80:80 app:1', [], ['-itp', '80:80'], 'app:1', []],
    ['-p80:80 app:1', [], ['-p80:80'], 'app:1', []],
    ['-h box app:1', [], ['-h', 'box'], 'app:1', []],
    ['--net host -d=false app:1', [], ['--net', 'host', '-d=false'], 'app:1', []],
    ['--api /ip4/1 --rm --timeout=5s -q app:1', ['--api', '/ip4/1', '--timeout=5s', '-q'], ['--rm'], 'app:1', []],
    // Both are told.
    ['--platform linux/arm64 app:1', ['--platform', 'linux/arm64'], ['--platform', 'linux/arm64'], 'app:1', []],
    // A value may look like a flag, or like a reference.
    ['--name --rm app:1', [], ['--name', '--rm'], 'app:1', []],
    ['--rm -- app:1 -x', [], ['--rm'], 'app:1', ['-x']],
    ['--rm', [], ['--rm'], undefined, []],
    ['', [], [], undefined, []],
  ])('%s', (line, ours, docker, reference, command) => {
    expect(apart(line)).toEqual({ ours, docker, reference, command, unknown: undefined, lacking: undefined })
  })

  test.each(['--nope', '--nope=1', '-Z', '-itZ'])('has no flag %s', (flag) => {
    expect(apart(`--rm ${flag} app:1`)).toMatchObject({ unknown: flag, reference: undefined })
  })

  test.each([
    ['--name', 'name'],
    ['-itp', 'p'],
  ])('lacks a value behind %s', (flag, name) => {
    expect(apart(`--rm ${flag}`)).toMatchObject({ lacking: name, reference: undefined })
  })
})

test('flags of a newer docker are in its help', () => {
  const help = `Usage:  docker run [OPTIONS] IMAGE [COMMAND] [ARG...]

Options:
      --add-host list                    Add a custom host
      --brand-new string                 Something
  -Z, --zebra                            Something else
      --blkio-weight uint16              Block IO (relative weight),
                                         between 10 and 1000
`
  const flags = flagsIn(help)
  expect(apart('--brand-new x -Z --zebra app:1', flags)).toMatchObject({
    docker: ['--brand-new', 'x', '-Z', '--zebra'],
    reference: 'app:1',
  })
  // What its help hides is known all the same.
  expect(apart('--net host app:1', flags)).toMatchObject({ reference: 'app:1' })
})
