import { listenerAt } from '../background/listener.ts'
import { DockerIpfsError } from '../errors.ts'

/** The error of a port that another program has. */
export async function portTaken(host: string, port: number, cause?: unknown): Promise<DockerIpfsError> {
  const user = await listenerAt(port)
  const whose = user === undefined ? '' : `, of the user with number ${user}`
  return new DockerIpfsError('REGISTRY_FAILED', `port ${port} of ${host} is taken by another program${whose}`, {
    cause,
    hint: `"ss -ltnp 'sport = :${port}'" shows it. End it, or choose another port with --port.`,
  })
}
