import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { openInput } from '../../../src/image/input.ts'
import { knowNothing } from '../../../src/save/known.ts'
import { writeImages } from '../../../src/save/write-images.ts'
import { archiveOci, GOLDEN, imageOf } from '../../support/images.ts'
import { MemorySink } from '../../support/memory-sink.ts'

test('a plain layer that is a gzip file is read once more from the file, and is in the image as it is', async () => {
  const image = imageOf([...GOLDEN.tiny().layers, gzipSync('not unpacked')])
  const folder = mkdtempSync(join(tmpdir(), 'write-images-'))
  try {
    const path = join(folder, 'image.tar')
    await Bun.write(path, archiveOci(image, 'plain'))
    const input = await openInput(path, new AbortController().signal)
    const { images } = await writeImages(input, {
      sink: new MemorySink(),
      known: knowNothing(),
      report: () => undefined,
    })
    expect(images.map(({ layers }) => layers)).toEqual([[...image.diffIds]])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
