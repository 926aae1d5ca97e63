import { beforeEach, describe, expect, test } from 'bun:test'
import type { CID } from '../../../src/dag/cid.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { type Publication, readPublication } from '../../../src/publication/read.ts'
import type { PublishOptions } from '../../../src/publish/options.ts'
import { setName } from '../../../src/publish/set-name.ts'
import type { Key, Naming } from '../../../src/store/naming.ts'
import { altered } from '../../support/altered.ts'
import { GOLDEN } from '../../support/images.ts'
import { keepImage } from '../../support/memory/keep-image.ts'
import { MemoryNode } from '../../support/memory/node.ts'
import { writeCatalogue } from '../../support/memory/publication.ts'
import { useCase } from '../../support/memory/use-case.ts'
import { never } from '../../support/never.ts'

const signal = new AbortController().signal

let node: MemoryNode
let key: Key
let image: CID
beforeEach(async () => {
  node = new MemoryNode()
  key = await node.naming.makeKey('web')
  image = (await keepImage(node, GOLDEN.tiny(), 'app:1')).root
})

/** A publication that the node keeps under a number. */
async function keepAs(sequence: number): Promise<Publication> {
  const root = await writeCatalogue(node, { 'app:1': image }, { sequence })
  await node.publications.add(key.id, { root, sequence }, signal)
  const read = await readPublication(root, (cid, limited) => node.blocks.block(cid, limited), signal)
  if (read === undefined) throw new Error('no publication')
  return read
}

const set = (own: Publication, more: Partial<PublishOptions> = {}) =>
  setName(key, own, { ...useCase(node), key: undefined, announceTimeoutMs: 1000, ...more })
const target = async () => (await node.naming.resolve(key.id)).replace('/ipfs/', '')
/** The naming of the node, where publishing does something else. */
const naming = (publish: Naming['publish']): Naming => altered<Naming>(node.naming, { publish })

describe('the name', () => {
  test('stands for the publication, of which the network is told', async () => {
    const own = await keepAs(1)
    expect(await set(own)).toEqual({ notAnnounced: undefined, peers: 0 })
    expect([await target(), node.announced]).toEqual([String(own.root), [String(own.root)]])
  })

  test('stands for the newest where that is another by now, and goes not back', async () => {
    const own = await keepAs(1)
    const newer = await keepAs(2)
    await set(own)
    expect([await target(), node.announced]).toEqual([String(newer.root), [String(newer.root)]])
  })

  test('is set once more where a newer one came while it was set', async () => {
    const own = await keepAs(1)
    const roots: string[] = []
    const publish: Naming['publish'] = async (root, of) => {
      await node.naming.publish(root, of)
      roots.push(root.toString())
      if (roots.length === 1) await keepAs(2)
    }
    await set(own, { naming: naming(publish) })
    const newest = String((await node.publications.newest(key.id, signal))?.root)
    expect(roots).toEqual([String(own.root), newest])
    expect(await target()).toBe(newest)
  })

  test('lets go of what was published before, once it is set', async () => {
    await keepAs(1)
    const own = await keepAs(2)
    const left = async () => (await node.folder.entries(`published/${key.id}`, signal))?.map(({ name }) => name)
    const publish: Naming['publish'] = async (root, of) => {
      expect(await left()).toEqual(['1', '2'])
      await node.naming.publish(root, of)
    }
    await set(own, { naming: naming(publish) })
    expect(await left()).toEqual(['2', 'before'])
  })

  test('that the node refuses to set is an error, and nothing is retired', async () => {
    await keepAs(1)
    const own = await keepAs(2)
    const publish = () => Promise.reject(new DockerIpfsError('NODE_FAILED', 'no key'))
    await expect(set(own, { naming: naming(publish) })).rejects.toMatchObject({ message: 'no key' })
    expect(await node.folder.find(`published/${key.id}/1`, signal)).toBeDefined()
  })
})

describe('the network', () => {
  const routing = (announce: PublishOptions['routing']['announce']) => ({ ...node.routing, announce })

  test('that does not answer in time is no error: the publication stands', async () => {
    const own = await keepAs(1)
    const late = await set(own, { routing: routing((_, limited) => never(limited)), announceTimeoutMs: 20 })
    expect(late.notAnnounced).toBe('it took longer than 0 s')
    expect(await target()).toBe(String(own.root))
  })

  test('that is still being told of the name when the time is up is no error either', async () => {
    const own = await keepAs(1)
    const publish: Naming['publish'] = async (root, of, limited) => {
      await node.naming.publish(root, of)
      await never(limited)
    }
    const late = await set(own, { naming: naming(publish), announceTimeoutMs: 20 })
    expect(late.notAnnounced).toBe('it took longer than 0 s')
    expect(await target()).toBe(String(own.root))
  })

  test('that cannot be told is no error, and says why', async () => {
    const failing = routing(() => Promise.reject(new Error('no peers')))
    expect((await set(await keepAs(1), { routing: failing })).notAnnounced).toBe('no peers')
  })

  test('is not waited for when the user has had enough', async () => {
    const stop = new AbortController()
    const announce = () => {
      stop.abort(new Error('Ctrl-C'))
      return Promise.reject(new Error('gone'))
    }
    const stopped = set(await keepAs(1), { routing: routing(announce), signal: stop.signal })
    await expect(stopped).rejects.toThrow('Ctrl-C')
  })
})
