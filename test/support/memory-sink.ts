import { decode } from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import type { CID } from 'multiformats/cid'
import { type Block, type BlockSink, checkBlock } from '../../src/dag/blocks.ts'

/** Keeps blocks in memory and reads files back from them, as any UnixFS reader would. */
export class MemorySink implements BlockSink {
  readonly blocks = new Map<string, Uint8Array>()

  async put(block: Block): Promise<void> {
    checkBlock(block)
    this.blocks.set(block.cid.toString(), block.bytes)
  }

  /** The bytes of the file at a path below a directory; holds the sizes in each node against what is there. */
  read(root: CID, path = ''): Buffer {
    let cid = root
    for (const name of path.split('/').filter((part) => part !== '')) {
      const link = this.links(cid).find(({ Name }) => Name === name)
      if (link === undefined) throw new Error(`no ${name}`)
      cid = link.Hash
    }
    return this.file(cid)
  }

  links(cid: CID) {
    return decode(this.bytes(cid)).Links
  }

  private file(cid: CID): Buffer {
    if (cid.code === 0x55) return Buffer.from(this.bytes(cid))
    const { Data, Links } = decode(this.bytes(cid))
    const data = UnixFS.unmarshal(Data as Uint8Array)
    const parts = Links.map(({ Hash }) => this.file(Hash))
    const sizes = parts.map((part) => BigInt(part.length))
    if (data.blockSizes.join() !== sizes.join()) throw new Error('block sizes do not match')
    return Buffer.concat(parts)
  }

  private bytes(cid: CID): Uint8Array {
    const bytes = this.blocks.get(cid.toString())
    if (bytes === undefined) throw new Error(`no block ${cid}`)
    return bytes
  }
}
