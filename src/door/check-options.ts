import { isLoopback } from '../distribution/guard.ts'
import { DockerIpfsError } from '../errors.ts'
import type { DoorOptions } from './options.ts'

/**
 * Refuses a door to which whoever reaches it could come in.
 * @throws USAGE
 */
export function checkOptions({ host, tokenFile, tlsCert }: DoorOptions): void {
  if (host === undefined || isLoopback(host) || (tokenFile !== undefined && tlsCert !== undefined)) return
  throw new DockerIpfsError('USAGE', `--host ${host} lets in other machines: it needs a token and TLS`, {
    hint: 'Give --token-file, --tls-cert and --tls-key, or leave --host out.',
  })
}
