import { encode, type PBLink } from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import { type Block, type BlockSink, dagPbBlock, rawBlock } from '../dag/blocks.ts'
import type { CID } from '../dag/cid.ts'
import { FORMAT } from './numbers.ts'

/*
 * UnixFS files and directories. FROZEN (see numbers.ts): the shape of the trees and the bytes of their blocks are CIDs
 * (docs/format.md, "Blocks and files"; https://specs.ipfs.tech/unixfs/).
 */

/** A file or directory that stands in blocks: what a link to it must say. Sizes are bytes. */
export interface DagNode {
  readonly cid: CID
  /** Bytes of the file itself; 0 for a directory. */
  readonly fileSize: number
  /** Bytes of all its blocks, counted as UnixFS does (once a link): the Tsize of a link to it. */
  readonly dagSize: number
}

/** What a link to a raw leaf says. */
export function leafNode(leaf: Block): DagNode {
  return { cid: leaf.cid, fileSize: leaf.bytes.length, dagSize: leaf.bytes.length }
}

/** Writes bytes as a file of leaves of at most M bytes. Empty bytes are one empty leaf. */
export async function writeFile(bytes: Uint8Array, sink: BlockSink): Promise<DagNode> {
  const leaves: DagNode[] = []
  for (let at = 0; at === 0 || at < bytes.length; at += FORMAT.pieceSize) {
    const leaf = rawBlock(bytes.subarray(at, at + FORMAT.pieceSize))
    await sink.put(leaf)
    leaves.push(leafNode(leaf))
  }
  return joinFile(leaves, sink)
}

/**
 * Puts parts together to one file: a balanced tree of UnixFS file nodes with at most 1024 links each over the
 * parts, in order. One part alone is the file (as Kubo does with raw leaves).
 */
export async function joinFile(parts: readonly DagNode[], sink: BlockSink): Promise<DagNode> {
  let level = parts
  while (level.length > 1) {
    const above: DagNode[] = []
    for (let at = 0; at < level.length; at += FORMAT.maxLinks) {
      const group = level.slice(at, at + FORMAT.maxLinks)
      above.push(group.length === 1 ? (group[0] as DagNode) : await putFileNode(group, sink))
    }
    level = above
  }
  return level[0] as DagNode
}

/** Writes a UnixFS directory; its entries are sorted by the bytes of their names, as dag-pb wants it. */
export async function writeDirectory(entries: ReadonlyMap<string, DagNode>, sink: BlockSink): Promise<DagNode> {
  const sorted = [...entries].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const links = sorted.map(([name, node]) => link(node, name))
  return putNode(new UnixFS({ type: 'directory' }), links, 0, sink)
}

function putFileNode(parts: readonly DagNode[], sink: BlockSink): Promise<DagNode> {
  const data = new UnixFS({ type: 'file', blockSizes: parts.map((part) => BigInt(part.fileSize)) })
  const fileSize = parts.reduce((sum, part) => sum + part.fileSize, 0)
  return putNode(
    data,
    parts.map((part) => link(part, '')),
    fileSize,
    sink,
  )
}

async function putNode(data: UnixFS, links: PBLink[], fileSize: number, sink: BlockSink): Promise<DagNode> {
  const block = dagPbBlock(encode({ Data: data.marshal(), Links: links }))
  await sink.put(block)
  return {
    cid: block.cid,
    fileSize,
    dagSize: links.reduce((sum, { Tsize = 0 }) => sum + Tsize, block.bytes.length),
  }
}

function link(node: DagNode, name: string): PBLink {
  return { Hash: node.cid, Name: name, Tsize: node.dagSize }
}
