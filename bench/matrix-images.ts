/** The images that `bench/matrix.ts` carries from engine to engine. */
import { mkdirSync } from 'node:fs'
import type { Engine } from '../test/support/engine.ts'
import { archive20, archiveOci, GOLDEN, imageOf, noise, type TestImage } from '../test/support/images.ts'
import { ATTESTATION, forPlatform, Layout } from '../test/support/layouts.ts'
import { run, script } from '../test/support/scripts.ts'
import { type Entry, tarOf } from '../test/support/tar.ts'

export interface MatrixImage {
  readonly title: string
  /** Its name on every engine. */
  readonly name: string
  /** The engine where it is first; a name of scripts/engines.tsv. */
  readonly origin: string
  /** Puts it on that engine under its name. `folder`: for files. */
  make(engine: Engine, folder: string): Promise<void>
}

const MULTI = 'matrix/multi:1'

export const IMAGES: readonly MatrixImage[] = [
  {
    title: 'busybox, one layer',
    name: 'matrix/busybox:1',
    origin: 'docker29-ctr',
    make: async ({ host }) => void (await script('busybox-image', host, 'matrix/busybox:1')),
  },
  { title: '60 layers', name: 'matrix/layers:1', origin: 'docker20', make: given('matrix/layers:1', sixtyLayers) },
  { title: 'strange entries', name: 'matrix/strange:1', origin: 'docker28', make: given('matrix/strange:1', strange) },
  { title: 'linux/amd64 and linux/arm64', name: MULTI, origin: 'docker28-ctr', make: makeMulti },
  {
    title: 'Debian by debootstrap, 121 MB',
    name: 'matrix/debian:1',
    origin: 'docker26',
    make: async ({ host }) => void (await script('debian-image', host, 'matrix/debian:1')),
  },
  { title: 'an app on it, its next version', name: 'matrix/debian:2', origin: 'docker26', make: makeApp },
]

/** Two versions, by the engine's own builder; the second stays, without what the builder keeps beside it. */
async function makeApp(engine: Engine, folder: string): Promise<void> {
  await script('debian-image', engine.host, 'matrix/debian:1')
  mkdirSync(`${folder}/app`, { recursive: true })
  await Bun.write(`${folder}/app/Dockerfile`, DOCKERFILE)
  for (const version of [1, 2]) {
    await Bun.write(`${folder}/app/main.sh`, `echo version ${version}\n`)
    const args = ['build', '-q', '--no-cache', '--network', 'none', '-t', 'matrix/debian:2', `${folder}/app`]
    run('env', ['DOCKER_BUILDKIT=0', 'docker', '-H', engine.host, ...args])
  }
  await engine.docker('image', 'save', '-o', `${folder}/app.tar`, 'matrix/debian:2')
  await engine.docker('image', 'prune', '--all', '--force')
  await engine.docker('image', 'load', '-i', `${folder}/app.tar`)
}

const DOCKERFILE = `FROM matrix/debian:1
COPY main.sh /app/
RUN sh /app/main.sh >/var/log/built
CMD ["sh","/app/main.sh"]
`

function given(name: string, image: (busybox: Buffer) => TestImage) {
  return async (engine: Engine, folder: string) => {
    await script('busybox-image', engine.host, 'matrix/busybox:1')
    await engine.docker('image', 'save', '-o', `${folder}/busybox.tar`, 'matrix/busybox:1')
    const layers = (
      JSON.parse(run('tar', ['-xOf', `${folder}/busybox.tar`, 'manifest.json']).toString()) as [{ Layers: [string] }]
    )[0].Layers
    const made = image(run('tar', ['-xOf', `${folder}/busybox.tar`, layers[0]]))
    await Bun.write(`${folder}/given.tar`, engine.isOld ? archive20(made) : archiveOci(made, 'plain'))
    const said = await engine.docker('image', 'load', '-i', `${folder}/given.tar`)
    await engine.docker('image', 'tag', /sha256:[0-9a-f]{64}/.exec(said)?.[0] ?? '', name)
  }
}

function sixtyLayers(busybox: Buffer): TestImage {
  const layer = (at: number) =>
    tarOf([
      { path: `srv/${at}`, body: noise(20_000, `layer ${at}`) },
      { path: 'srv/last', body: Buffer.from(`${at}\n`) },
      ...(at % 7 === 6 ? [{ path: `srv/.wh.${at - 1}` }] : []),
    ])
  return imageOf([busybox, ...Array.from({ length: 59 }, (_, at) => layer(at))])
}

/** What a golden image has of it (links, devices, FIFOs, whiteouts, pax, long names, a layer twice), and more that Docker takes: no GNU sparse file. */
function strange(busybox: Buffer): TestImage {
  const [odd = Buffer.alloc(0), empty = Buffer.alloc(0)] = GOLDEN.strange().layers
  const one = (entry: Entry) => tarOf([entry], { open: true })
  const more = Buffer.concat([
    one({ path: 'pax', type: 'g', body: Buffer.from('20 comment=anything\n') }),
    one({ path: 'more/', type: '5', mode: 0o1777 }),
    one({ path: 'more/empty' }),
    one({ path: 'more/setuid', mode: 0o4755, body: Buffer.from('#!/bin/sh\n') }),
    one({ path: 'more/block', type: '4' }),
    one({ path: 'more/caf\xe9', body: Buffer.from('a name that is no UTF-8') }),
    one({ path: `more/${'n'.repeat(95)}`, body: Buffer.from('a name of 100 bytes') }),
    edited({ path: 'more/old', body: Buffer.from('no magic, as in V7') }, (block) => block.fill(0, 257, 512)),
    edited({ path: 'more/base256', body: Buffer.from('numbers in base 256') }, (block) => {
      base256(block, 124, 19)
      base256(block, 136, 1_700_000_000)
    }),
    edited({ path: 'prefixed', body: Buffer.from('name and prefix') }, (block) => block.write('more/prefix', 345)),
    one({
      path: 'x',
      body: Buffer.from('small'),
      pax: { path: 'more/pax', mtime: '1700000000.123456789', size: '5', uid: '3000000', 'SCHILY.xattr.user.b': 'c' },
    }),
    Buffer.alloc(10_240),
  ])
  return imageOf([busybox, odd, empty, more, odd])
}

function edited(entry: Entry, edit: (block: Buffer) => void): Buffer {
  const bytes = tarOf([entry], { open: true })
  const block = bytes.subarray(0, 512)
  edit(block)
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return bytes
}

function base256(block: Buffer, at: number, value: number): void {
  block.fill(0, at, at + 12)
  block[at] = 0x80
  block.writeUInt32BE(value, at + 8)
}

async function makeMulti(engine: Engine, folder: string): Promise<void> {
  const layout = new Layout()
  const platform = (architecture: string) => ({ platform: { os: 'linux', architecture } })
  const images = [
    layout.image(GOLDEN.strange(), platform('amd64')),
    layout.image(forPlatform(GOLDEN.large(), 'arm64'), platform('arm64')),
    layout.image(GOLDEN.tiny(), ATTESTATION),
  ]
  const index = layout.index(images, { annotations: { 'io.containerd.image.name': `docker.io/${MULTI}` } })
  await Bun.write(`${folder}/multi.tar`, layout.tar([index]))
  await engine.docker('image', 'load', '-i', `${folder}/multi.tar`)
}
