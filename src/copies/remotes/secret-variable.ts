/** How variables of the environment begin that hold the secret of a remote. */
export const SECRET_VARIABLES = 'DOCKER_IPFS_REMOTE_AUTH_'

/** The one of a remote, which goes before its file. */
export function secretVariable(name: string): string {
  return `${SECRET_VARIABLES}${name.toUpperCase().replaceAll('-', '_')}`
}
