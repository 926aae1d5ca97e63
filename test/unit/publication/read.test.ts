import { beforeEach, describe, expect, test } from 'bun:test'
import { type CID, parseCid } from '../../../src/dag/cid.ts'
import { joinFile, writeDirectory, writeFile } from '../../../src/format/files.ts'
import {
  findAllPublished,
  findPublished,
  type Publication,
  readPublication,
  rootOf,
} from '../../../src/publication/read.ts'
import { GOLDEN, GOLDEN_ROOTS } from '../../support/images.ts'
import { writeOn } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { publishedImage, writeCatalogue } from '../../support/memory/publication.ts'

const signal = new AbortController().signal
const TINY = parseCid(GOLDEN_ROOTS.tiny)
const STRANGE = parseCid(GOLDEN_ROOTS.strange)

let node: MemoryNode
beforeEach(() => {
  node = new MemoryNode()
})

const read = (root: CID) => readPublication(root, (cid, signal) => node.blocks.block(cid, signal), signal)

describe('a publication that is read', () => {
  test('says what was written', async () => {
    const root = await writeCatalogue(node, { 'app:1': TINY }, { sequence: 2, previous: GOLDEN_ROOTS.strange })
    expect(await read(root)).toEqual({
      root,
      catalogue: {
        schemaVersion: 1,
        publishedAt: '2026-11-24T20:00:00.000Z',
        sequence: 2,
        previous: GOLDEN_ROOTS.strange,
        images: [publishedImage('app:1', TINY)],
      },
    })
  })

  test('is none where the root is an image, another folder or a file', async () => {
    const { root } = await writeOn(node, GOLDEN.tiny())
    const file = await writeFile(Buffer.from('text'), node.blocks)
    const folder = await writeDirectory(new Map([['index.html', file]]), node.blocks)
    for (const cid of [root, file.cid, folder.cid]) expect(await read(cid)).toBeUndefined()
  })

  test('is refused where its catalogue is something else', async () => {
    const file = await writeFile(Buffer.from('{"schemaVersion":2}'), node.blocks)
    const { cid } = await writeDirectory(new Map([['catalogue.json', file]]), node.blocks)
    await expect(read(cid)).rejects.toMatchObject({ code: 'PUBLICATION_INVALID' })
  })

  test('is not read to its end where it is larger than a catalogue can be', async () => {
    const leaf = await writeFile(Buffer.alloc(1024 * 1024, ' '), node.blocks)
    const large = Array.from({ length: 33 }, () => leaf)
    const file = await joinFile(large, node.blocks)
    const { cid } = await writeDirectory(new Map([['catalogue.json', file]]), node.blocks)
    await expect(read(cid)).rejects.toMatchObject({ code: 'INTEGRITY' })
  })

  test('believes no block that does not match its CID', async () => {
    const root = await writeCatalogue(node, { 'app:1': TINY })
    const document = node.blocks.links(root).find(({ Name }) => Name === 'catalogue.json')?.Hash as CID
    node.blocks.blocks.set(document.toString(), Buffer.from('{}'))
    await expect(read(root)).rejects.toMatchObject({ code: 'INTEGRITY' })
  })
})

describe('of a publication', () => {
  const publication = (...names: string[]): Publication => ({
    root: STRANGE,
    catalogue: {
      schemaVersion: 1,
      publishedAt: '2026-11-24T20:00:00.000Z',
      sequence: 1,
      previous: null,
      images: names.map((name) => publishedImage(name, TINY)),
    },
  })
  const several = publication('app:1', 'app:2', 'ghcr.io/a/b:1')

  test.each([
    ['app:1', 'docker.io/library/app', '1'],
    ['docker.io/library/app:2', 'docker.io/library/app', '2'],
    ['ghcr.io/a/b:1', 'ghcr.io/a/b', '1'],
  ])('the image %s is found', (path, name, tag) => {
    expect(findPublished(several, path)).toMatchObject({ name, tag })
  })

  test('the only image needs no name', () => {
    expect(String(rootOf(findPublished(publication('app:1'), '')))).toBe(GOLDEN_ROOTS.tiny)
  })

  test('several images need one, and are told', () => {
    expect(() => findPublished(several, '')).toThrow(
      expect.objectContaining({
        code: 'USAGE',
        message: `the catalogue ${STRANGE} has 3 images: say which`,
        hint: 'It has app:1, app:2, ghcr.io/a/b:1.',
      }),
    )
  })

  test('no more than ten names are told', () => {
    const many = publication(...Array.from({ length: 12 }, (_, at) => `app:${at}`))
    expect(() => findPublished(many, 'web:1')).toThrow(
      expect.objectContaining({ code: 'IMAGE_NOT_FOUND', hint: expect.stringMatching(/app:9, 2 more\.$/) }),
    )
  })

  test.each<[string, string, string]>([
    ['app:3', 'IMAGE_NOT_FOUND', `the catalogue ${STRANGE} has no app:3`],
    ['app', 'IMAGE_NOT_FOUND', `the catalogue ${STRANGE} has no app:latest`],
    ['App', 'REFERENCE_INVALID', '"App" is no image name'],
  ])('%s is refused with %s', (path, code, message) => {
    expect(() => findPublished(several, path)).toThrow(expect.objectContaining({ code, message }))
  })

  test('all images are found, or those of one repository', () => {
    const tags = (path: string) => findAllPublished(several, path).map(({ name, tag }) => `${name}:${tag}`)
    expect(tags('')).toHaveLength(3)
    expect(tags('app')).toEqual(['docker.io/library/app:1', 'docker.io/library/app:2'])
    expect(tags('app:1')).toEqual(tags('app'))
    expect(() => tags('web')).toThrow(`the catalogue ${STRANGE} has no web`)
    expect(() => tags('a/B')).toThrow(expect.objectContaining({ code: 'REFERENCE_INVALID' }))
  })

  test('that is empty, nothing is found', () => {
    for (const find of [findPublished, findAllPublished]) {
      expect(() => find(publication(), '')).toThrow(
        expect.objectContaining({ code: 'IMAGE_NOT_FOUND', hint: 'It has none.' }),
      )
    }
  })
})
