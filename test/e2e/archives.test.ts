import { beforeAll, describe, expect, test } from 'bun:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { ENGINES } from '../support/engine.ts'
import { archive20, archiveOci, GOLDEN, GOLDEN_ROOTS } from '../support/images.ts'
import { ATTESTATION, Layout } from '../support/layouts.ts'
import { useReal } from '../support/real.ts'
import { run, script } from '../support/scripts.ts'

const real = useReal({ engines: ENGINES, nodes: ['node'] })
const node = () => real.node()
const path = (name: string) => `${real.place.folder}/${name}`
const IMAGES = { tiny: GOLDEN.tiny(), strange: GOLDEN.strange(), large: GOLDEN.large() }

/** No engine is needed: this one is nowhere. */
function save(...args: string[]) {
  return real.place.run('docker', ['-H', 'unix:///nowhere.sock', 'ipfs', 'save', ...args], {
    env: { DOCKER_IPFS_API: node().api },
  })
}

async function saved(name: string): Promise<string> {
  const { exitCode, stdout, stderr } = await save('-q', '--no-cache', '-i', path(name))
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  return stdout.trimEnd()
}

describe.each(ENGINES)('an archive of docker save on %s', (name) => {
  test.each(['tiny', 'strange', 'large'] as const)('gives the root CID of "%s"', async (golden) => {
    const engine = real.engine(name)
    const id = await engine.give(IMAGES[golden])
    await engine.docker('image', 'tag', id, `team/${golden}:1`)
    await engine.docker('image', 'save', '-o', path('saved.tar'), `team/${golden}:1`)
    expect(await saved('saved.tar')).toBe(GOLDEN_ROOTS[golden])
    expect(await node().rpc(`files/stat?arg=/docker-ipfs/images/docker.io/team/${golden}:1`)).toContain(
      GOLDEN_ROOTS[golden],
    )
  })
})

describe('skopeo', () => {
  let skopeo = ''
  beforeAll(async () => {
    skopeo = (await script('skopeo')).trim()
    for (const [name, image] of Object.entries(IMAGES)) {
      await Bun.write(path(`${name}.tar`), archiveOci(image, 'gzip'))
      run('mkdir', ['-p', path(name)])
      run('tar', ['-xf', path(`${name}.tar`), '-C', path(name)])
    }
  })

  test.each(['oci-archive:to.tar:team/app:1', 'docker-archive:to.tar:team/app:1', 'oci:to.tar:app'])(
    'copy to %s gives the root CIDs',
    async (target) => {
      for (const name of ['tiny', 'strange', 'large'] as const) {
        run('rm', ['-rf', path('to.tar')])
        run(skopeo, ['--insecure-policy', 'copy', '-q', `oci:${path(name)}`, target.replace('to.tar', path('to.tar'))])
        expect(await saved('to.tar')).toBe(GOLDEN_ROOTS[name])
      }
    },
  )
})

describe('save -i', () => {
  test('takes what BuildKit writes: no manifest.json, an index with an attestation', async () => {
    const layout = new Layout()
    const platform = { platform: { os: 'linux', architecture: 'amd64' } }
    const index = layout.index([layout.image(IMAGES.strange, platform), layout.image(IMAGES.tiny, ATTESTATION)])
    await Bun.write(path('build.tar'), layout.tar([index]))
    expect(await saved('build.tar')).toBe(GOLDEN_ROOTS.strange)
  })

  test('takes an archive that is packed as a whole', async () => {
    const archive = archive20(IMAGES.large)
    await Bun.write(path('packed.gz'), gzipSync(archive))
    await Bun.write(path('packed.zst'), zstdCompressSync(archive))
    expect(await saved('packed.gz')).toBe(GOLDEN_ROOTS.large)
    expect(await saved('packed.zst')).toBe(GOLDEN_ROOTS.large)
  })

  test('reads a pipe', async () => {
    await Bun.write(path('piped.tar'), archive20(IMAGES.large))
    const command = `cat ${path('piped.tar')} | docker -H unix:///nowhere.sock ipfs save -q -i -`
    const piped = await real.place.run('sh', ['-c', command], { env: { DOCKER_IPFS_API: node().api } })
    expect(piped).toMatchObject({ exitCode: 0, stdout: `${GOLDEN_ROOTS.large}\n`, stderr: '' })
  })

  test('prints a CID for each image, in the order of the archive, and pins them all', async () => {
    await node().empty()
    const layout = new Layout()
    await Bun.write(path('two.tar'), layout.tar([layout.image(IMAGES.strange), layout.image(IMAGES.tiny)]))
    expect(await saved('two.tar')).toBe(`${GOLDEN_ROOTS.strange}\n${GOLDEN_ROOTS.tiny}`)
    expect(await node().pins()).toEqual([GOLDEN_ROOTS.strange, GOLDEN_ROOTS.tiny].sort())
  })

  test('reads layers that are known past, and says so', async () => {
    await Bun.write(path('again.tar'), archiveOci(IMAGES.large, 'gzip'))
    await saved('again.tar')
    const { stdout, stderr } = await save('--progress', 'plain', '-i', path('again.tar'))
    expect(stdout).toBe(`${GOLDEN_ROOTS.large}\n`)
    expect(stderr.match(/Already saved/g)).toHaveLength(2)
  })

  test('works out a save with --dry-run', async () => {
    await Bun.write(path('dry.tar'), archiveOci(IMAGES.large, 'plain'))
    await saved('dry.tar')
    const { stdout } = await real.leavingNothing(() => save('-q', '--dry-run', '-i', path('dry.tar')))
    expect(stdout).toBe(`${GOLDEN_ROOTS.large}: 0B in 0 blocks new, 5.891MB in 33 blocks shared\n`)
  })
})

describe('save -i refuses', () => {
  const CASES = [
    ['a file that is not there', undefined, 1, /^ERROR: open \S+: no such file or directory\n$/],
    ['an empty file', Buffer.alloc(0), 1, /^ERROR: \S+ is empty\n/],
    ['a file that is no archive', Buffer.alloc(5000, 'x'), 1, /^ERROR: \S+ is no tar archive, nor one that is packed/],
    ['bzip2 that is cut', Buffer.from('BZh91AY'), 1, /^ERROR: the bzip2 archive cannot be unpacked/],
    ['an archive that is cut', archive20(IMAGES.large).subarray(0, 3_000_000), 1, /^ERROR: the image archive is cut/],
    ['a packed archive that is cut', gzipSync(archive20(IMAGES.large)).subarray(0, 900_000), 1, /cannot be unpacked/],
  ] as const

  test.each(CASES)('%s', async (_, bytes, exitCode, words) => {
    await Bun.file(path('bad'))
      .delete()
      .catch(() => undefined)
    if (bytes !== undefined) await Bun.write(path('bad'), bytes)
    const refused = await real.leavingNothing(() => save('-q', '-i', path('bad')))
    expect(refused).toMatchObject({ exitCode, stdout: '', stderr: expect.stringMatching(words) })
  })

  test('an image beside it', async () => {
    const { exitCode, stderr } = await save('-i', 'x.tar', 'busybox')
    expect(exitCode).toBe(1)
    expect(stderr).toStartWith("docker: 'docker ipfs save --input' accepts no arguments\n")
  })

  test('no image at all', async () => {
    const { exitCode, stderr } = await save()
    expect(exitCode).toBe(1)
    expect(stderr).toStartWith("docker: 'docker ipfs save' requires at least 1 argument\n")
  })
})
