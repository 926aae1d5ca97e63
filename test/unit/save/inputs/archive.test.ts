import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { parseCid } from '../../../../src/dag/cid.ts'
import { openInput } from '../../../../src/image/input.ts'
import { archiveInput } from '../../../../src/save/inputs/archive.ts'
import { save } from '../../../../src/save/save.ts'
import { nodeTarget } from '../../../../src/save/targets/node.ts'
import {
  archive20,
  archiveOci,
  digest,
  GOLDEN,
  GOLDEN_ROOTS,
  imageOf,
  layoutOf,
  noise,
} from '../../../support/images.ts'
import { ATTESTATION, forPlatform, Layout } from '../../../support/layouts.ts'
import { MemoryNode } from '../../../support/memory/node.ts'
import { Saving } from '../../../support/saving.ts'
import { tarOf } from '../../../support/tar.ts'

const never = new AbortController().signal
const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-archive-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** An image of a base, and a layer of its own. */
const BASE = tarOf([{ path: 'base', body: noise(300_000, 'base') }])
const version = (text: string) => imageOf([BASE, tarOf([{ path: 'app', body: Buffer.from(text) }])])

/** An image whose second layer is no tar, but a gzip file. */
const image = imageOf([...GOLDEN.tiny().layers, gzipSync('not unpacked')])

test('a plain layer that is a gzip file is read once more from the file, and is in the image as it is', async () => {
  const path = join(folder, 'image.tar')
  await Bun.write(path, archiveOci(image, 'plain'))
  const saving = new Saving(new MemoryNode())
  const [result] = await save(archiveInput(await openInput(path, never)), nodeTarget(saving.parts), {})
  const record = await saving.node.catalogue.record(parseCid(result?.root ?? ''), never)
  expect(record?.layers).toEqual([...image.diffIds])
})

test('a pipe cannot be read once more: such a layer is refused, and the words say what to do', async () => {
  const saving = new Saving(new MemoryNode())
  const error = await saving.archive(archiveOci(image, 'plain'), {}, false).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'ARCHIVE_INVALID' })
  expect(String((error as { hint?: string }).hint)).toContain('file')
})

describe('an archive', () => {
  test.each([
    ['before 25', archive20(GOLDEN.strange())],
    ['since 25', archiveOci(GOLDEN.strange(), 'plain')],
    ['of a containerd store', archiveOci(GOLDEN.strange(), 'gzip')],
  ])('%s gives the golden root, through a pipe too', async (_, archive) => {
    expect(await new Saving(new MemoryNode()).archive(archive)).toEqual([GOLDEN_ROOTS.strange])
    expect(await new Saving(new MemoryNode()).archive(archive, {}, false)).toEqual([GOLDEN_ROOTS.strange])
  })

  test('is read past what the catalogue knows; through a pipe, which cannot be read again, all is saved', async () => {
    const saving = new Saving(new MemoryNode())
    const archive = archive20(version('one'))
    const roots = await saving.archive(archive)
    saving.events.length = 0
    expect(await saving.archive(archive)).toEqual(roots)
    expect([saving.count('Already saved'), saving.count('Saved')]).toEqual([2, 0])
    saving.events.length = 0
    expect(await saving.archive(archive, {}, false)).toEqual(roots)
    expect([saving.count('Already saved'), saving.count('Saved')]).toEqual([0, 2])
  })

  test('gives its images the names that it has for them; what is no layer of theirs is not kept', async () => {
    const layout = new Layout()
    const image = layout.image(version('one'), { annotations: { 'io.containerd.image.name': 'team/app:1' } })
    layout.blob('application/octet-stream', tarOf([{ path: 'not of an image' }]))
    const saving = new Saving(new MemoryNode())
    const [root = ''] = await saving.archive(layout.tar([image]))
    expect(saving.count('Saved')).toBe(2)
    const { catalogue, folder } = saving.node
    expect(String(await catalogue.findName('docker.io/team/app:1', never))).toBe(root)
    expect(await catalogue.record(parseCid(root), never)).toMatchObject({
      names: ['docker.io/team/app:1'],
      imageIds: [digest(version('one').config), image.digest],
    })
    // By diffID, and by the name of the blob that was packed.
    expect(await folder.entries('layers', never)).toHaveLength(4)
    expect(await saving.node.gc()).toBeGreaterThan(0)
  })

  test('that is a folder gives the same', async () => {
    const path = join(folder, 'layout')
    for (const [name, bytes] of layoutOf(GOLDEN.strange(), 'gzip')) await Bun.write(join(path, name), bytes)
    const saving = new Saving(new MemoryNode())
    const input = archiveInput(await openInput(path, never))
    expect(await save(input, nodeTarget(saving.parts), {})).toMatchObject([{ root: GOLDEN_ROOTS.strange }])
    expect(saving.words).toEqual([`Saving the images of ${path}`])
  })

  test('of which one image is broken leaves nothing of the others', async () => {
    const layout = new Layout()
    const broken = layout.image({ ...version('two'), layers: version('three').layers })
    const saving = new Saving(new MemoryNode())
    const archive = layout.tar([layout.image(version('one')), broken])
    await expect(saving.archive(archive)).rejects.toMatchObject({ code: 'INTEGRITY' })
    expect([...saving.node.pins.names]).toEqual([])
    expect(await saving.node.catalogue.records(never)).toEqual(new Map())
  })

  test('of several images gives a root for each, under their names', async () => {
    const layout = new Layout()
    const named = (name: string) => ({ annotations: { 'io.containerd.image.name': name } })
    const entries = [layout.image(version('one'), named('app:1')), layout.image(version('two'), named('app:2'))]
    const saving = new Saving(new MemoryNode())
    const roots = await saving.archive(layout.tar(entries))
    expect(new Set(roots).size).toBe(2)
    expect([...saving.node.pins.names.keys()].sort()).toEqual([...roots].sort())
    const names = await Promise.all(
      ['1', '2'].map((tag) => saving.node.catalogue.findName(`docker.io/library/app:${tag}`, never)),
    )
    expect(names.map(String)).toEqual(roots)
    expect(saving.words[0]).toBe('Saving the images of images.tar')
  })

  test('of several platforms is one image, or one of them where that is asked for', async () => {
    const layout = new Layout()
    const amd = layout.image(version('one'), { platform: { os: 'linux', architecture: 'amd64' } })
    const arm = layout.image(forPlatform(version('two'), 'arm64'), { platform: { os: 'linux', architecture: 'arm64' } })
    const attestation = layout.image(imageOf([]), ATTESTATION)
    const archive = layout.tar([layout.index([amd, arm, attestation])])
    const saving = new Saving(new MemoryNode())
    const [all = ''] = await saving.archive(archive)
    const [one = ''] = await saving.archive(archive, { platform: 'linux/arm64' })
    expect(one).not.toBe(all)
    expect(await saving.node.catalogue.record(parseCid(one), never)).toMatchObject({
      layers: version('two').diffIds,
    })
    await expect(saving.archive(archive, { platform: 'linux/s390x' })).rejects.toMatchObject({
      code: 'PLATFORM_NOT_FOUND',
    })
    await expect(saving.archive(archive, { platform: 'a/b/c/d' })).rejects.toMatchObject({ code: 'BAD_FLAG' })
  })

  test('that lacks a platform of its index says so, and is saved without it', async () => {
    const layout = new Layout()
    const amd = layout.image(version('one'), { platform: { os: 'linux', architecture: 'amd64' } })
    const arm = layout.image(forPlatform(version('two'), 'arm64'), { platform: { os: 'linux', architecture: 'arm64' } })
    const index = layout.index([amd, arm])
    layout.remove(arm)
    const saving = new Saving(new MemoryNode())
    await saving.archive(layout.tar([index]))
    expect(saving.words).toContain('Left out, since the archive does not have them: linux/arm64')
  })
})
