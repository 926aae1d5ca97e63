import { expect, test } from 'bun:test'
import { DockerIpfsError } from '../../../../src/errors.ts'
import { archiveInput } from '../../../../src/save/inputs/archive.ts'
import { engineInput } from '../../../../src/save/inputs/engine.ts'
import { save } from '../../../../src/save/save.ts'
import { countingTarget } from '../../../../src/save/targets/counting.ts'
import { archive20, GOLDEN, GOLDEN_ROOTS } from '../../../support/images.ts'
import { Layout } from '../../../support/layouts.ts'
import { MemoryEngine } from '../../../support/memory/engine.ts'
import { MemoryNode } from '../../../support/memory/node.ts'
import { fileOf, Saving } from '../../../support/saving.ts'

const image = () => archiveInput(fileOf(archive20(GOLDEN.large())))

test('before a save all is new, after it all is shared, and nothing was written', async () => {
  const saving = new Saving(new MemoryNode())
  const before = await save(image(), countingTarget(saving.parts), {})
  expect(before).toMatchObject({ root: GOLDEN_ROOTS.large, sharedBlocks: 0, sharedBytes: 0 })
  expect(saving.node.blocks.blocks.size).toBe(0)
  await saving.archive(archive20(GOLDEN.large()))
  const after = await save(image(), countingTarget(saving.parts), {})
  expect(after).toMatchObject({ newBlocks: 0, sharedBlocks: before.newBlocks, sharedBytes: before.newBytes })
})

test('an image of the engine is worked out without a word about its layers', async () => {
  const engine = new MemoryEngine()
  engine.add(GOLDEN.tiny(), 'app:1')
  // What is read there may be another image, and would be counted.
  engine.pack = () => Promise.reject(new Error('read where it is packed'))
  const saving = new Saving(new MemoryNode())
  const plan = await save(
    engineInput('app:1', { engine, signal: saving.cancel.signal }),
    countingTarget(saving.parts),
    {},
  )
  expect(plan.root).toBe(GOLDEN_ROOTS.tiny)
  expect(saving.events).toEqual([{ type: 'step', text: 'Working out a save of app:1' }])
})

test('what the node says against a question is the end of it', async () => {
  const saving = new Saving(new MemoryNode())
  const down = new DockerIpfsError('NODE_UNREACHABLE', 'gone')
  saving.node.blocks.hasBlock = () => Promise.reject(down)
  expect(await save(image(), countingTarget(saving.parts), {}).catch((error: unknown) => error)).toBe(down)
})

test('what several images of an archive share counts once, and all roots are told', async () => {
  const layout = new Layout()
  const named = (name: string) => ({ annotations: { 'io.containerd.image.name': name } })
  const [tiny, strange] = [GOLDEN.tiny(), GOLDEN.strange()]
  const both = layout.tar([layout.image(tiny, named('a:1')), layout.image(strange, named('b:1'))])
  const { parts } = new Saving(new MemoryNode())
  const count = async (bytes: Buffer) => save(archiveInput(fileOf(bytes)), countingTarget(parts), {})
  const [one, other, all] = [await count(archive20(tiny)), await count(archive20(strange)), await count(both)]
  expect(all.root).toBe(`${GOLDEN_ROOTS.tiny} ${GOLDEN_ROOTS.strange}`)
  // The document that says which layout it is.
  expect(all.newBlocks).toBeLessThan(one.newBlocks + other.newBlocks)
  expect(all.newBytes).toBeLessThan(one.newBytes + other.newBytes)
})
