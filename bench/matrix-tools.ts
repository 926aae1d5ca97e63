/** What other tools make of an archive of `docker save`. */
import { mkdirSync, rmSync } from 'node:fs'
import { run, script } from '../test/support/real.ts'

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

/** From the OCI layout in it: read as docker's format, its config would be written anew, as another image. */
async function skopeo(archive: string, format: string, folder: string): Promise<string> {
  const to = `${folder}/skopeo.tar`
  rmSync(to, { force: true })
  const from = `oci-archive:${archive}`
  run((await script('skopeo')).trim(), [
    '--insecure-policy',
    'copy',
    '--all',
    '-q',
    from,
    `${format}:${to}:matrix/copy:1`,
  ])
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
