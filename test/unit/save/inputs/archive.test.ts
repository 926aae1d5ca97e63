import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { parseCid } from '../../../../src/dag/cid.ts'
import { openInput } from '../../../../src/image/input.ts'
import { archiveInput } from '../../../../src/save/inputs/archive.ts'
import { save } from '../../../../src/save/save.ts'
import { nodeTarget } from '../../../../src/save/targets/node.ts'
import { archiveOci, GOLDEN, imageOf } from '../../../support/images.ts'
import { MemoryNode } from '../../../support/memory/node.ts'
import { Saving } from '../../../support/saving.ts'

const never = new AbortController().signal
const folder = mkdtempSync(join(tmpdir(), 'docker-ipfs-archive-'))
afterAll(() => rmSync(folder, { recursive: true }))

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
