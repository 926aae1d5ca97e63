/** An image that BuildKit builds, in each form in which it can be had. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Engine } from '../test/support/engine.ts'
import type { Real } from '../test/support/real.ts'
import { run, script } from '../test/support/scripts.ts'

const DOCKERFILE = `FROM scratch
ADD rootfs.tar /
COPY hello /etc/
RUN --network=none echo built >/etc/built
CMD ["/bin/sh"]
`

/** Builds one image three times over, into two archives and the engine's store; gives their paths and its name. */
export async function buildEverywhere(engine: Engine, real: Real): Promise<{ archives: string[]; name: string }> {
  const folder = join(real.place.folder, `build-${engine.name}`)
  mkdirSync(folder)
  const plugin = join(real.place.dockerConfig, 'cli-plugins', 'docker-buildx')
  run('ln', ['-sfn', (await script('buildx')).trim(), plugin])
  await engine.clear()
  await script('busybox-image', engine.host, 'matrix/base:1')
  await engine.docker('container', 'create', '--name', 'base', 'matrix/base:1')
  await engine.docker('container', 'export', '-o', `${folder}/rootfs.tar`, 'base')
  await engine.docker('container', 'rm', 'base')
  await Bun.write(`${folder}/hello`, 'hello\n')
  await Bun.write(`${folder}/Dockerfile`, DOCKERFILE)
  const name = 'matrix/built:1'
  const archives = ['oci', 'docker'].map((type) => `${folder}/${type}.tar`)
  const outputs = [
    ...archives.map((path) => `type=${path.endsWith('oci.tar') ? 'oci' : 'docker'},dest=${path}`),
    `type=image,name=${name}`,
  ]
  for (const output of outputs)
    await engine.docker('buildx', 'build', '-q', '--builder', 'default', '-o', output, folder)
  return { archives, name }
}
