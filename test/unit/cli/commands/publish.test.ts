import { beforeEach, describe, expect, test } from 'bun:test'
import { keyGen } from '../../../../src/cli/commands/key.ts'
import { publish, tellPublished } from '../../../../src/cli/commands/publish.ts'
import { push } from '../../../../src/cli/commands/push.ts'
import { parseCid } from '../../../../src/dag/cid.ts'
import type { ProgressEvent } from '../../../../src/events.ts'
import { TINY, twoSavedImages } from '../../../support/command.ts'
import { MemoryNode } from '../../../support/memory/node.ts'
import { MemoryRemotes } from '../../../support/memory/remotes.ts'

let images: Awaited<ReturnType<typeof twoSavedImages>>
beforeEach(async () => {
  images = await twoSavedImages()
})

describe('publish', () => {
  test('prints the IPNS name, and tells on stderr what is there and how to pull it', async () => {
    const { exitCode, stdout, stderr } = await images.run(publish, 'tiny:1')
    expect(exitCode).toBe(0)
    const [key] = await images.node.naming.keys()
    expect(key?.name).toBe('docker-ipfs')
    expect(stdout).toBe(`ipns://${key?.id}\n`)
    const root = images.node.naming.paths.get(key?.id ?? '')?.replace('/ipfs/', '')
    expect(stderr).toBe(
      [
        `Publishing ${root} as ${key?.id}`,
        `Publication 1: ${root}, 1 image`,
        'Announced; the node is connected to 0 peers',
        `To pull from it: docker ipfs pull ipns://${key?.id}/tiny:1`,
        '',
      ].join('\n'),
    )
  })

  test('takes all images of the node where none is named, and adds to what was published', async () => {
    expect((await images.run(publish, 'tiny:1')).stderr).toContain(', 1 image\n')
    expect((await images.run(publish, 'app:1')).stderr).toMatch(/\nPublication 2: \w+, 2 images\n/)
    expect((await images.run(publish)).stderr).toStartWith('Publication 2 has these images already\n')
  })

  test.each([
    ['publish', publish, ['tiny:1']],
    ['push --publish', push, ['--publish', 'tiny:1']],
  ] as const)('hands all of it to places: %s', async (_, command, argv) => {
    const nas = new MemoryNode('nas')
    const remotes = new MemoryRemotes()
    remotes.node('nas', nas)
    images = await twoSavedImages({ remotes })
    expect(await images.run(command, '-q', '--to', 'nas', ...argv)).toMatchObject({ exitCode: 0, stderr: '' })
    const [path = ''] = images.node.naming.paths.values()
    const root = parseCid(path.replace('/ipfs/', ''))
    expect(nas.pins.names.get(root.toString())).toBe('docker-ipfs publication')
    await nas.gc()
    const { signal } = new AbortController()
    expect(await nas.blocks.ownDag(parseCid(TINY), signal)).toBeDefined()
    expect(await nas.blocks.ownDag(root, signal)).toEqual(await images.node.blocks.ownDag(root, signal))
  })

  test('knows the places before it publishes', async () => {
    expect(await images.run(publish, '--to', 'nowhere', 'tiny:1')).toMatchObject({ exitCode: 4, stdout: '' })
    expect(await images.node.naming.keys()).toEqual([])
  })

  test('publishes under a key that is named', async () => {
    const { stdout: id } = await images.run(keyGen, 'team')
    expect(await images.run(publish, '-q', '--key', 'team')).toMatchObject({
      exitCode: 0,
      stdout: `ipns://${id}`,
      stderr: '',
    })
  })
})

describe('what is told of a publication', () => {
  const published = {
    id: 'k51',
    root: TINY,
    isNew: true,
    peers: 1,
    catalogue: { schemaVersion: 1, publishedAt: '2026-01-01T00:00:00Z', sequence: 3, previous: null, images: [] },
  } as const
  const events: ProgressEvent[] = []
  const told = (notAnnounced: string | undefined) => {
    events.length = 0
    tellPublished({ ...published, root: parseCid(TINY), notAnnounced }, { report: (event) => events.push(event) })
    return events
  }

  test('is that nobody was told of it, as a warning', () => {
    expect(told('no peers')).toEqual([
      { type: 'step', text: `Publication 3: ${TINY}, 0 images` },
      { type: 'warning', text: 'not announced: no peers; the node is connected to 1 peer' },
    ])
  })

  test('is nothing to pull where there is no image', () => {
    expect(told(undefined)).toHaveLength(2)
  })
})

test.each([
  [['nope'], 4, 'ERROR: no image of the name "nope" on the node at memory\nSave it first, or see "docker ipfs ls"'],
  [['--key', 'nope'], 1, 'ERROR: '],
  [['--timeout', 'x'], 125, 'invalid argument "x" for "--timeout" flag: must be a duration'],
])('%j is a mistake', async (argv, exitCode, text) => {
  const { stderr, ...result } = await images.run(publish, ...argv)
  expect(result).toMatchObject({ exitCode, stdout: '' })
  expect(stderr).toStartWith(text)
  expect(images.node.naming.paths.size).toBe(0)
})
