import { beforeEach, describe, expect, test } from 'bun:test'
import { keyGen } from '../../../../src/cli/commands/key.ts'
import { push } from '../../../../src/cli/commands/push.ts'
import { DockerIpfsError } from '../../../../src/errors.ts'
import { APP, TINY, twoSavedImages } from '../../../support/command.ts'
import { MemoryNode } from '../../../support/memory/node.ts'

let images: Awaited<ReturnType<typeof twoSavedImages>>
beforeEach(async () => {
  images = await twoSavedImages()
})

describe('push', () => {
  test('saves and announces, prints the CID, and tells how to load it', async () => {
    images.node.connect(new MemoryNode('other'))
    expect(await images.run(push, 'tiny:1')).toMatchObject({
      exitCode: 0,
      stdout: `${TINY}\n`,
      stderr: [
        `${TINY} is already saved`,
        `Announcing ${TINY}`,
        'Announced; the node is connected to 1 peer',
        `To load it: docker ipfs load ${TINY}`,
        '',
      ].join('\n'),
    })
    expect(images.node.announced).toEqual([TINY])
  })

  test('that nobody was told of prints the CID, and has an exit code of its own', async () => {
    Object.assign(images.node.routing, {
      announce: () => Promise.reject(new DockerIpfsError('NODE_FAILED', 'there is no routing')),
    })
    const { exitCode, stdout, stderr } = await images.run(push, 'tiny:1')
    expect({ exitCode, stdout }).toEqual({ exitCode: 6, stdout: `${TINY}\n` })
    expect(stderr).toContain('\nWARNING: not announced: there is no routing; the node is connected to 0 peers\n')
    expect(stderr).toContain(`\nERROR: ${TINY} is saved, but not announced\n`)
    const several = await images.run(push, '-q', 'app:1', 'tiny:1')
    expect(several).toMatchObject({ exitCode: 6, stdout: `${APP}\n${TINY}\n` })
    expect(several.stderr).toContain('ERROR: 2 images are saved, but not announced\n')
  })

  test('takes several images, and prints nothing but their CIDs with --quiet', async () => {
    expect(await images.run(push, '-q', 'app:1', 'tiny:1')).toMatchObject({
      exitCode: 0,
      stdout: `${APP}\n${TINY}\n`,
      stderr: '',
    })
  })

  test('publishes too where that is asked for, and tells under which name', async () => {
    const { stdout: id } = await images.run(keyGen, 'team')
    const { exitCode, stdout, stderr } = await images.run(push, '--publish', '--key', 'team', 'tiny:1')
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `${TINY}\n` })
    expect(stderr).toMatch(/\nPublication 1: \w+, 1 image\n/)
    expect(stderr).toEndWith(`\nTo pull from it: docker ipfs pull ipns://${id.trim()}/tiny:1\n`)
  })
})

describe('push --publish', () => {
  test('of an ID is refused before anything is saved, and the name is told', async () => {
    const id = (await images.engine.inspect('tiny:1'))?.id ?? ''
    for (const typed of [id, id.slice(7), id.slice(7, 19)]) {
      expect(await images.run(push, '--publish', typed)).toMatchObject({
        exitCode: 1,
        stdout: '',
        stderr: `ERROR: ${typed} is an ID: an image is published by its name\nGive its name: tiny:1\n`,
      })
    }
    expect(images.node.announced).toEqual([])
  })
})

describe('mistakes', () => {
  test.each([
    [[], 1, "docker: 'docker ipfs push' requires at least 1 argument\n"],
    [['--key', 'me', 'tiny:1'], 125, '--key needs --publish\n\nUsage:  docker ipfs push [OPTIONS] IMAGE [IMAGE...]\n'],
    [['nope'], 4, 'ERROR: No such image: nope\n'],
  ])('%j', async (argv, exitCode, text) => {
    const { stderr, ...result } = await images.run(push, ...argv)
    expect(result).toMatchObject({ exitCode, stdout: '' })
    expect(stderr).toStartWith(text)
    expect(images.node.announced).toEqual([])
  })
})
