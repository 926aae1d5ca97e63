/** What other tools make of an archive of `docker save`. */
import { mkdirSync, rmSync } from 'node:fs'
import { run, script } from '../test/support/scripts.ts'

export interface Tool {
  readonly title: string
  /** Writes the image of an archive as this tool does; gives the path. `folder`: for files. */
  write(archive: string, folder: string): Promise<string>
}

export const TOOLS: readonly Tool[] = [
  { title: '`skopeo copy … oci-archive:`', write: (archive, folder) => skopeo(archive, 'oci-archive', folder) },
  { title: '`skopeo copy … docker-archive:`', write: (archive, folder) => skopeo(archive, 'docker-archive', folder) },
  { title: '`podman save`', write: (archive, folder) => podman(archive, 'docker-archive', folder) },
  { title: '`podman save --format oci-archive`', write: (archive, folder) => podman(archive, 'oci-archive', folder) },
]

/** The digest of the config of an OCI archive; it is what tells whether a tool has written the config anew. */
export function configOf(archive: string): string | undefined {
  const read = (path: string) => JSON.parse(run('tar', ['-xOf', archive, path]).toString()) as unknown
  const { manifests } = read('index.json') as { manifests: [{ digest: string }] }
  const { config } = read(`blobs/sha256/${manifests[0].digest.slice(7)}`) as { config?: { digest: string } }
  return config?.digest
}

/** From the OCI layout in it: read as docker's format, its config would be written anew, as another image. */
async function skopeo(archive: string, format: string, folder: string): Promise<string> {
  const to = `${folder}/skopeo.tar`
  rmSync(to, { force: true })
  const from = `oci-archive:${archive}`
  // A docker archive holds one platform.
  const platforms = format === 'oci-archive' ? ['--all'] : []
  const args = ['--insecure-policy', 'copy', ...platforms, '-q', from, `${format}:${to}:matrix/copy:1`]
  run((await script('skopeo')).trim(), args)
  return to
}

async function podman(archive: string, format: string, folder: string): Promise<string> {
  const to = `${folder}/podman.tar`
  rmSync(to, { force: true })
  mkdirSync(`${folder}/podman-home`, { recursive: true })
  const program = (await script('podman', `${folder}/podman-home`)).trim()
  const said = run(program, ['load', '-q', '-i', archive]).toString()
  const image = /^Loaded image: (?:localhost\/)?(\S+)/m.exec(said)?.[1] ?? ''
  run(program, ['save', '-q', '--format', format, '-o', to, image])
  run(program, ['rmi', '--all', '--force'])
  return to
}
