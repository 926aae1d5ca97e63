import { createHash } from 'node:crypto'
import { code as dagPbCode, decode } from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'
import { DockerIpfsError } from '../errors.ts'
import { RAW } from './cid.ts'

/** A block and its address. */
export interface Block {
  readonly cid: CID
  readonly bytes: Uint8Array
}

/** Where blocks go: the node, or a file. Resolves when there is room for the next one. */
export interface BlockSink {
  put(block: Block): Promise<void>
}

/** No block that travels between nodes is larger (Bitswap's limit); those of images have at most 1 MiB + 4 KiB. */
export const MAX_BLOCK = 2 * 1024 * 1024

const SHA2_256 = 0x12

/** A raw leaf with its CID (CIDv1, raw, sha2-256). */
export function rawBlock(bytes: Uint8Array): Block {
  return { cid: cidOf(RAW, bytes), bytes }
}

/** A node with its CID (CIDv1, dag-pb, sha2-256). */
export function dagPbBlock(bytes: Uint8Array): Block {
  return { cid: cidOf(dagPbCode, bytes), bytes }
}

/**
 * Holds a block against its CID.
 * @throws INTEGRITY; REFERENCE_INVALID for a CID with another hash than sha2-256
 */
export function checkBlock({ cid, bytes }: Block): void {
  if (!hasOurHash(cid)) {
    throw new DockerIpfsError('REFERENCE_INVALID', `${cid} has a hash other than sha2-256; images have none such`)
  }
  if (!matches({ cid, bytes })) {
    throw new DockerIpfsError('INTEGRITY', `the node's block ${cid} does not match its CID`, {
      hint: 'The node\'s repository is damaged: "ipfs repo verify" finds such blocks.',
    })
  }
}

/** Whether a CID has the hash of all that images are made of. Folders of a node's MFS, and pins of others, may have any. */
export function hasOurHash(cid: CID): boolean {
  return cid.multihash.code === SHA2_256
}

/** Whether a block is what its CID, with sha2-256, says. */
export function matches({ cid, bytes }: Block): boolean {
  return hasOurHash(cid) && createHash('sha256').update(bytes).digest().equals(cid.multihash.digest)
}

/** The entries of a UnixFS directory block; undefined when the block is none. */
export function readDirectory({ cid, bytes }: Block): Map<string, CID> | undefined {
  if (cid.code !== dagPbCode) return undefined
  try {
    const { Data, Links } = decode(bytes)
    if (Data === undefined || UnixFS.unmarshal(Data).type !== 'directory') return undefined
    return new Map(Links.map((link) => [link.Name ?? '', link.Hash]))
  } catch {
    return undefined
  }
}

/** A link, and the bytes that it says are below it: of a raw leaf, the bytes of its block. */
export interface Link {
  readonly cid: CID
  readonly size: number
}

/** A block's multihash digest, as a short key for sets. */
export function blockKey(cid: CID): string {
  return Buffer.from(cid.multihash.digest).toString('latin1')
}

/** The same of the bytes of a block with this digest (`sha256:<hex>`). */
export function keyOfDigest(digest: string): string {
  return Buffer.from(digest.slice('sha256:'.length), 'hex').toString('latin1')
}

/** The CIDs that a file node links to; none for a leaf. */
export function childrenOf({ cid, bytes }: Block): CID[] {
  return cid.code === dagPbCode ? decode(bytes).Links.map((link) => link.Hash) : []
}

/** What a file node is put together from, with the file's bytes in each as the node says it; undefined when the block is no such node. */
export function partsOf({ cid, bytes }: Block): Link[] | undefined {
  if (cid.code !== dagPbCode) return undefined
  try {
    const { Data, Links } = decode(bytes)
    const file = Data === undefined ? undefined : UnixFS.unmarshal(Data)
    if (file?.type !== 'file' || file.data?.length || file.blockSizes.length !== Links.length) return undefined
    return Links.map((link, at) => ({ cid: link.Hash, size: Number(file.blockSizes[at]) }))
  } catch {
    return undefined
  }
}

/** The links of a node, of any kind; none for a leaf and for what cannot be read. */
export function linksOf({ cid, bytes }: Block): Link[] {
  if (cid.code !== dagPbCode) return []
  try {
    return decode(bytes).Links.map(({ Hash, Tsize = 0 }) => ({ cid: Hash, size: Tsize }))
  } catch {
    return []
  }
}

/**
 * The bytes of a file out of blocks at hand, by `blockKey`; undefined when one is missing, or it is no file. No use of the walker: nothing is
 * waited for, and nodes may hold bytes themselves, as those of Kubo's MFS do.
 */
export function fileFrom(cid: CID, blocks: ReadonlyMap<string, Uint8Array>): Uint8Array | undefined {
  const bytes = blocks.get(blockKey(cid))
  if (bytes === undefined || isLeaf(cid)) return bytes
  const links = linksOf({ cid, bytes })
  if (links.length === 0) return inlineData({ cid, bytes })
  const parts = links.map((link) => fileFrom(link.cid, blocks))
  return parts.every((part) => part !== undefined) ? Buffer.concat(parts) : undefined
}

/** Bytes that a UnixFS node holds itself, as Kubo's MFS writes files. */
function inlineData({ cid, bytes }: Block): Uint8Array | undefined {
  if (cid.code !== dagPbCode) return undefined
  try {
    const { Data } = decode(bytes)
    const node = Data === undefined ? undefined : UnixFS.unmarshal(Data)
    return node?.isDirectory() === false ? (node.data ?? new Uint8Array(0)) : undefined
  } catch {
    return undefined
  }
}

/** True for a leaf, whose block holds bytes of the file and nothing else. */
export function isLeaf(cid: CID): boolean {
  return cid.code === RAW
}

function cidOf(codec: number, bytes: Uint8Array): CID {
  return CID.createV1(codec, createDigest(SHA2_256, createHash('sha256').update(bytes).digest()))
}
