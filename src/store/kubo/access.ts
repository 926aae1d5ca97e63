import { statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { DockerIpfsError, messageOf } from '../../errors.ts'

/** What lets us in to a node that is not open to everybody, or is behind a proxy. */
export interface Access {
  /** Value of the `Authorization` header: a secret, in no message and no child process. */
  readonly authorization?: string
  /** Certificates to trust instead of the well-known ones, PEM. */
  readonly ca?: string
}

export interface AccessSources {
  /** The secret itself. */
  readonly auth?: Source | undefined
  /** Path of a file with the secret. */
  readonly authFile?: Source | undefined
  /** Path of a file with certificates. */
  readonly ca?: Source | undefined
}

interface Source {
  readonly text: string
  readonly source: string
}

/**
 * Reads the secret and the certificates that the settings name. The secret itself goes before the file.
 * @throws FILE_FAILED, BAD_FLAG when it is no secret
 */
export async function readAccess({ auth, authFile, ca }: AccessSources): Promise<Access> {
  const secret = auth ?? (authFile && { text: await read(authFile), source: authFile.text })
  return {
    ...(secret === undefined ? {} : { authorization: authorizationOf(secret.text, secret.source) }),
    ...(ca === undefined ? {} : { ca: await readCertificates(ca) }),
  }
}

/**
 * In the words of Kubo's own `--api-auth` and `API.Authorizations`: `bearer:TOKEN`, `basic:USER:PASSWORD`, `basic:BASE64`;
 * without a prefix it is a bearer token.
 * @throws BAD_FLAG when it is no secret
 */
export function authorizationOf(text: string, source = ''): string {
  const [, type = 'bearer', data = ''] = /^(?:(basic|bearer):)?(.*)$/is.exec(text.trim()) ?? []
  const isBasic = type.toLowerCase() === 'basic'
  if (data === '' || (!isBasic && !/^[\x21-\x7e]+$/.test(data))) {
    throw new DockerIpfsError('BAD_FLAG', `there is no token or password in ${source}`, {
      hint: 'Write bearer:TOKEN or basic:USER:PASSWORD there.',
    })
  }
  if (!isBasic) return `Bearer ${data}`
  return data.includes(':') ? basic(data) : `Basic ${data}`
}

/** `user:password` as a header says it. */
export function basic(pair: string): string {
  return `Basic ${Buffer.from(pair).toString('base64')}`
}

async function readCertificates(source: Source): Promise<string> {
  const text = await read(source)
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text
  throw new DockerIpfsError('FILE_FAILED', `${source.text} has no certificate (from ${source.source})`, {
    hint: "Name a file in PEM form, with the certificate of the authority that signed the node's.",
  })
}

async function read({ text: path, source }: Source): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new DockerIpfsError('FILE_FAILED', `cannot read ${path} (from ${source}): ${messageOf(cause)}`, { cause })
  }
}

/** Whether others than its owner may read a file. False where there is none, or we may not look. */
export function isOpenToOthers(path: string): boolean {
  try {
    return (statSync(path).mode & 0o044) !== 0
  } catch {
    return false
  }
}
