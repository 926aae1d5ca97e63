import { resolve } from 'node:path'
import { DEFAULT_PORT, type DoorOptions } from '../../../door/options.ts'
import { api, gateway } from '../../options.ts'
import type { Parsed } from '../../parse.ts'
import { badFlag, type UsageOf } from '../../usage.ts'

/** Flags of a front door, in the order of their names; `registry run` has one more between them. */
export const DOOR_FLAGS = {
  api,
  gateway,
  host: {
    name: 'host',
    type: 'string',
    description: 'Address to listen at (default 127.0.0.1); beyond this machine only with a token and TLS',
  },
  noPin: { name: 'no-pin', type: 'boolean', description: 'Do not keep on the node what is fetched from IPFS' },
  open: { name: 'open', type: 'boolean', description: 'Let every user of this machine in, not root and you alone' },
  port: { name: 'port', type: 'string', description: `Port to listen at (default ${DEFAULT_PORT}); 0 is any` },
  readOnly: { name: 'read-only', type: 'boolean', description: 'Let nobody push' },
  timeout: {
    name: 'timeout',
    type: 'duration',
    description: 'Give up when no data has come from IPFS for this long (e.g. 90s, 5m; default 1m)',
  },
  tlsCert: { name: 'tls-cert', type: 'string', description: 'File (PEM) with the certificate', isPath: true },
  tlsKey: { name: 'tls-key', type: 'string', description: 'File (PEM) with its key', isPath: true },
  tokenFile: {
    name: 'token-file',
    type: 'string',
    description: 'File with a token that clients give as password ("docker login")',
    isPath: true,
  },
} as const

const { api: a, gateway: g, host, noPin, open, port, readOnly, timeout, tlsCert, tlsKey, tokenFile } = DOOR_FLAGS
export const START_FLAGS = [a, g, host, noPin, open, port, readOnly, timeout, tlsCert, tlsKey, tokenFile] as const

/** Milliseconds without data from IPFS where nothing is said. */
export const TIMEOUT_MS = 60_000

/** @throws BAD_FLAG */
export function doorOptions(flags: Parsed<typeof START_FLAGS>['flags'], of: UsageOf): DoorOptions {
  const { port: number, timeout: timeoutMs, 'tls-cert': cert, 'tls-key': key, 'token-file': token } = flags
  if (number !== undefined && !(/^\d{1,5}$/.test(number) && Number(number) < 65536)) {
    throw badFlag(`--port is a port, 0 to 65535, not "${number}"`, of)
  }
  if (flags.host === '') throw badFlag('--host is an address, not empty', of)
  if ((cert === undefined) !== (key === undefined)) throw badFlag('--tls-cert and --tls-key need each other', of)
  return {
    ...(flags.api === undefined ? {} : { api: flags.api }),
    ...(flags.gateway.length === 0 ? {} : { gateways: flags.gateway }),
    ...(flags.host === undefined ? {} : { host: flags.host }),
    ...(flags['no-pin'] ? { noPin: true } : {}),
    ...(flags.open ? { isOpen: true } : {}),
    ...(number === undefined ? {} : { port: Number(number) }),
    ...(flags['read-only'] ? { isReadOnly: true } : {}),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(cert === undefined || key === undefined ? {} : { tlsCert: resolve(cert), tlsKey: resolve(key) }),
    ...(token === undefined ? {} : { tokenFile: resolve(token) }),
  }
}
