import { beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, readFileSync } from 'node:fs'
import { zstdDecompressSync } from 'node:zlib'
import { ENGINES, ENGINES_WITH_ZSTD } from '../support/engine.ts'
import { contentsOf, digest, GOLDEN, GOLDEN_ROOTS } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { run, script } from '../support/scripts.ts'

const real = useReal({ engines: ENGINES, nodes: ['node'] })
const IMAGES = { tiny: GOLDEN.tiny(), strange: GOLDEN.strange(), large: GOLDEN.large() }
const GOLDEN_NAMES = ['tiny', 'strange', 'large'] as const

let ipfs: string
const ipfsCommand = () => `${ipfs} --api ${real.node().api}`

beforeAll(async () => {
  ipfs = (await script('kubo')).trim()
  const engine = real.engine(ENGINES[0] ?? '')
  for (const name of GOLDEN_NAMES) await engine.save(real.node(), await engine.give(IMAGES[name]))
})

describe.each(ENGINES_WITH_ZSTD)('%s', (name) => {
  const engine = () => real.engine(name)

  /** Runs a pipe that ends in `docker load`, and holds the image against the original. */
  async function loads(command: string, golden: (typeof GOLDEN_NAMES)[number]): Promise<void> {
    await engine().clear()
    const said = await real.place.run('bash', ['-o', 'pipefail', '-c', `${command} | docker -H ${engine().host} load`])
    expect(said.exitCode).toBe(0)
    expect(said.stdout).toMatch(/^Loaded image ID: sha256:[0-9a-f]{64}\n$/)
    const id = said.stdout.trimEnd().slice('Loaded image ID: '.length)
    const image = IMAGES[golden]
    expect(await engine().contents(id)).toEqual(contentsOf(image))
    if (!engine().isContainerd) expect(id).toBe(digest(image.config))
    // The engine counts it as the same image as the plugin does.
    expect((await engine().ipfs(real.node(), 'load', GOLDEN_ROOTS[golden])).stdout).toBe(`Loaded image ID: ${id}\n`)
    expect(await engine().images()).toHaveLength(1)
  }

  test.each(GOLDEN_NAMES)('`ipfs cat <cid>/image.tar | docker load` loads "%s"', async (golden) => {
    await loads(`${ipfsCommand()} cat ${GOLDEN_ROOTS[golden]}/image.tar`, golden)
  })

  test('`curl <gateway>/ipfs/<cid>/image.tar | docker load` loads it', async () => {
    // Any HTTP client will do; this one is always there.
    const curl = `${process.execPath} -e 'await Bun.write(Bun.stdout, await fetch(process.argv[1]))'`
    await loads(`${curl} ${real.node().gateway}/ipfs/${GOLDEN_ROOTS.large}/image.tar`, 'large')
  })
})

describe('`ipfs get` gives an OCI image layout', () => {
  test.each(GOLDEN_NAMES)('that skopeo inspects and copies: "%s"', async (golden) => {
    const skopeo = (await script('skopeo')).trim()
    const image = IMAGES[golden]
    const folder = `${real.place.folder}/${golden}`
    expect(
      await real.place.run(ipfs, ['--api', real.node().api, 'get', '-o', folder, GOLDEN_ROOTS[golden]]),
    ).toMatchObject({
      exitCode: 0,
    })
    const inspected = JSON.parse(run(skopeo, ['inspect', `oci:${folder}`]).toString()) as Record<string, unknown>
    expect(inspected).toMatchObject({ Architecture: 'amd64', Os: 'linux', Created: '2026-01-01T00:00:00Z' })
    expect(inspected['Layers']).toHaveLength(image.layers.length)
    expect(run(skopeo, ['inspect', '--config', '--raw', `oci:${folder}`]).equals(image.config)).toBe(true)

    // Copying reads every blob and holds it against its digest and diffID.
    run(skopeo, ['--insecure-policy', 'copy', '--quiet', `oci:${folder}`, `dir:${folder}.copy`])
    const manifest = (await Bun.file(`${folder}.copy/manifest.json`).json()) as { layers: { digest: string }[] }
    for (const [at, layer] of manifest.layers.entries()) {
      const blob = readFileSync(`${folder}.copy/${layer.digest.slice(7)}`)
      expect(digest(zstdDecompressSync(blob))).toBe(image.diffIds[at] ?? '')
    }
  })

  test('whose image.tar is the tar of the same files', async () => {
    const folder = `${real.place.folder}/same`
    await real.place.run(ipfs, ['--api', real.node().api, 'get', '-o', folder, GOLDEN_ROOTS.large])
    mkdirSync(`${folder}.tar`)
    run('tar', ['-xf', `${folder}/image.tar`, '-C', `${folder}.tar`])
    run('diff', ['-r', '--exclude=image.tar', folder, `${folder}.tar`])
    expect(
      run('tar', ['-tf', `${folder}/image.tar`])
        .toString()
        .trimEnd()
        .split('\n'),
    ).toHaveLength(7)
  })
})
