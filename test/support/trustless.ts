import { findFile } from '../../src/dag/block-source.ts'
import { type Block, isLeaf, partsOf } from '../../src/dag/blocks.ts'
import { carHeader, carSection } from '../../src/dag/car.ts'
import { type CID, parseCid } from '../../src/dag/cid.ts'
import { leavesInRange } from '../../src/dag/file-range.ts'
import type { Answer, Asked } from './gateway.ts'

/**
 * What a trustless gateway says that has these blocks, by CID: single blocks, and CARs of blocks and of parts of files. It believes all that it
 * has. Source: https://specs.ipfs.tech/http-gateways/trustless-gateway/
 */
export function trustless(blocks: ReadonlyMap<string, Uint8Array>): (asked: Asked) => Promise<Answer> {
  return async ({ url }) => {
    const { pathname, searchParams } = new URL(url, 'http://gateway')
    const [root = '', ...path] = pathname.split('/').slice(2).map(decodeURIComponent)
    try {
      return searchParams.get('format') === 'raw'
        ? { status: 200, type: 'application/vnd.ipld.raw', body: Buffer.from(bytesOf(parseCid(root))) }
        : await car({ root: parseCid(root), path }, searchParams)
    } catch {
      return { status: 404, type: 'text/plain', body: Buffer.from('not found') }
    }
  }

  function bytesOf(cid: CID): Uint8Array {
    const bytes = blocks.get(cid.toString())
    if (bytes === undefined) throw new Error(`no block ${cid}`)
    return bytes
  }

  async function car(file: Parameters<typeof findFile>[0], query: URLSearchParams): Promise<Answer> {
    const sent = new Map<string, Block>()
    const get = async (cid: CID) => {
      const bytes = bytesOf(cid)
      sent.set(cid.toString(), { cid, bytes })
      return bytes
    }
    const top = await findFile(file, get)
    const bytes = await get(top)
    const isFile = isLeaf(top) || partsOf({ cid: top, bytes }) !== undefined
    if (isFile && query.get('dag-scope') === 'entity') {
      const [, from = 0, last = Number.POSITIVE_INFINITY] = /^(\d+):(\d+)$/.exec(query.get('entity-bytes') ?? '') ?? []
      for await (const leaf of leavesInRange(top, { from: Number(from), to: Number(last) + 1 }, get))
        await get(leaf.cid)
    }
    const body = Buffer.concat([carHeader([top]), ...[...sent.values()].flatMap(carSection)])
    return { status: 200, type: 'application/vnd.ipld.car', body }
  }
}
