import { type CID, parseCid } from '../dag/cid.ts'
import { readIpnsName } from '../dag/ipns.ts'
import { DockerIpfsError } from '../errors.ts'
import { fullName } from '../image/name.ts'

/** What somebody typed for an image. */
export type Reference =
  /** `path`: what follows the CID, of a publication the name of an image; mostly empty. */
  | { readonly kind: 'cid'; readonly cid: CID; readonly path: string }
  /** `name`: a key (`k51…`) or a domain with a DNSLink. */
  | { readonly kind: 'ipns'; readonly name: string; readonly path: string }
  /** A full name in the node's catalogue. */
  | { readonly kind: 'name'; readonly name: string }

/** How CIDs look. Names of images could look so too; what does is taken for a CID, or for one with a mistake in it. */
const CID_LIKE = /^(?:Qm[1-9A-HJ-NP-Za-km-z]{44}|b[a-z2-7]{50,}|[zf][0-9A-Za-z]{50,})$/
const DOMAIN = /^(?=.{4,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * Takes CID, ipfs://CID and /ipfs/CID.
 * @throws REFERENCE_INVALID
 */
export function parseRoot(text: string): CID {
  const cid = /^(?:ipfs:\/\/|\/ipfs\/)?([^/]+)\/?$/.exec(text.trim())?.[1]
  return parseCid(cid ?? text)
}

/**
 * Reads a reference: CID; ipfs://CID, /ipfs/CID, ipns://NAME, /ipns/NAME, each with the name of an image behind it or not;
 * the URL of a gateway that has one of these in its path or its host; or an image name.
 * @throws REFERENCE_INVALID
 */
export function parseReference(reference: string): Reference {
  const text = reference.trim()
  if (/^https?:\/\//i.test(text)) return parseUrl(text)
  const [, scheme, rest = ''] = /^(?:\/(?=ip[fn]s\/))?(ip[fn]s)(?::\/\/|\/)(.*)$/s.exec(text) ?? []
  if (scheme !== undefined && !text.startsWith(`${scheme}/`)) return parsePath(scheme, rest, text)
  if (CID_LIKE.test(text.split('/', 1)[0] ?? '') || text.startsWith('/')) {
    return { kind: 'cid', cid: parseRoot(text), path: '' }
  }
  const name = fullName(text)
  // In its words: what is neither is most likely a CID with a letter missing.
  return name === undefined ? { kind: 'cid', cid: parseRoot(text), path: '' } : { kind: 'name', name }
}

/** `https://host/ipns/NAME/…`, or `https://NAME.ipns.host/…`, where a domain is written with `-` for `.` and `--` for `-`. */
function parseUrl(text: string): Reference {
  const url = URL.parse(text)
  const [, inPath, rest = ''] = /^\/(ip[fn]s)\/(.*)$/s.exec(url?.pathname ?? '') ?? []
  if (inPath !== undefined) return parsePath(inPath, decoded(rest, text), text)
  const [, label = '', inHost] = /^([^.]+)\.(ip[fn]s)\./.exec(url?.hostname ?? '') ?? []
  if (inHost === undefined) throw invalid(text, 'no CID and no IPNS name is in this URL')
  const isDomain = inHost === 'ipns' && readIpnsName(label) === undefined
  const name = isDomain ? label.replace(/--?/g, (dashes) => (dashes === '-' ? '.' : '-')) : label
  return parsePath(inHost, `${name}${decoded(url?.pathname ?? '', text)}`, text)
}

function parsePath(scheme: string, rest: string, text: string): Reference {
  const [first = '', ...more] = rest.replace(/\/+$/, '').split('/')
  if (first === '') throw invalid(text, scheme === 'ipfs' ? 'no CID stands behind it' : 'no name stands behind it')
  // As a publication has it, and as an image has it: copied from an address bar, or from a command for curl.
  const path = more
    .join('/')
    .replace(/^images(?:\/|$)/, '')
    .replace(/^image\.tar$/, '')
  if (scheme === 'ipfs') return { kind: 'cid', cid: parseCid(first), path }
  const key = readIpnsName(first)
  const name = key ?? first.toLowerCase()
  if (key === undefined && !DOMAIN.test(name)) throw invalid(text, `"${first}" is no IPNS name and no domain`)
  return { kind: 'ipns', name, path }
}

function decoded(path: string, text: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw invalid(text, 'its percent signs cannot be read')
  }
}

function invalid(text: string, why: string): DockerIpfsError {
  return new DockerIpfsError('REFERENCE_INVALID', `"${text}" stands for no image: ${why}`, {
    hint: 'Give a CID, a name of the catalogue, ipns://NAME/IMAGE, or the address of one of these at a gateway.',
  })
}
