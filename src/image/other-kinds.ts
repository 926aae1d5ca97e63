import { DockerIpfsError } from '../errors.ts'

/** What files begin with that are given for image archives, and are none. */
const KINDS: readonly (readonly [start: string, kind: string])[] = [
  ['PK\x03\x04', 'a zip file'],
  ["7z\xbc\xaf'\x1c", 'a 7z file'],
  ['Rar!', 'a rar file'],
  ['070701', 'a cpio archive'],
  ['070702', 'a cpio archive'],
  ['070707', 'a cpio archive'],
  ['\xc7\x71', 'a cpio archive'],
  ['!<arch>\n', 'an ar archive, or a Debian package'],
  ['hsqs', 'a squashfs image'],
  ['\x7fELF', 'a program'],
  ['<', 'a page of the web'],
  ['{', 'a JSON document'],
  ['[', 'a JSON document'],
]

/** How they may be packed, which is not read here. */
const PACKINGS: readonly (readonly [start: string, how: string])[] = [
  ['\x04\x22\x4d\x18', 'with lz4'],
  ['\x1f\x9d', 'with compress'],
  ['LZIP', 'with lzip'],
  ['\x5d\0\0', 'with lzma'],
  ['\x1f\x8b', 'twice'],
  ['\x28\xb5\x2f\xfd', 'twice'],
]

/** The header of a CARv2 file; one of CARv1 has its length in front, a byte or two. */
const CAR2 = '\x0a\xa1gversion\x02'
const CAR1 = '\xa2eroots'

/** Tells what a file is whose first bytes are no tar. */
export function noArchive(name: string, head: Uint8Array): DockerIpfsError {
  const text = Buffer.from(head.subarray(0, 16)).toString('latin1')
  const isCar = text.startsWith(CAR2) || [1, 2].some((at) => text.startsWith(CAR1, at))
  const kind = KINDS.find(([start]) => text.startsWith(start))?.[1]
  const how = PACKINGS.find(([start]) => text.startsWith(start))?.[1]
  const refused = (what: string, hint?: string) =>
    new DockerIpfsError('ARCHIVE_INVALID', `${name} is ${what}`, hint === undefined ? {} : { hint })
  if (text === '') return refused('empty')
  if (isCar) return refused('a CAR file, and no image archive', '"docker ipfs load -i FILE" loads it.')
  if (how !== undefined) return refused(`packed ${how}, which is not read here`, 'Unpack it first.')
  if (kind !== undefined) return refused(`${kind}, and no image archive`)
  return refused('no tar archive, nor one that is packed with gzip, zstd, xz or bzip2')
}
