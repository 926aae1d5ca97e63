import { afterAll, beforeAll, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Engine } from '../support/engine.ts'
import { archive20, imageOf, noise } from '../support/images.ts'
import type { Running } from '../support/place.ts'
import { useReal } from '../support/real.ts'
import { script } from '../support/scripts.ts'
import { tarOf } from '../support/tar.ts'

const real = useReal({ nodes: ['node'] })
const BASE = tarOf([{ path: 'base', body: noise(300_000, 'base') }])
const version = (text: string) => imageOf([BASE, tarOf([{ path: 'app', body: Buffer.from(text) }])])

let podman: Engine
let service: Running
// Podman takes no run folder whose path has more than 50 characters.
const folder = mkdtempSync('/tmp/podman-')

beforeAll(async () => {
  const program = (await script('podman', folder)).trim()
  const socket = join(folder, 'podman.sock')
  service = real.place.start(program, ['system', 'service', '-t', '0', `unix://${socket}`])
  for (let looks = 0; looks < 300 && !existsSync(socket); looks += 1) await Bun.sleep(100)
  podman = new Engine(real.place, 'podman', `unix://${socket}`)
})
afterAll(() => {
  service?.end()
  rmSync(folder, { recursive: true })
})

const ipfs = (...args: string[]) => podman.ipfs(real.node(), ...args)

/** Saves the archive of an image, with no engine; gives its root. */
async function rootOf(text: string): Promise<string> {
  const file = join(real.place.folder, `${text}.tar`)
  await Bun.write(file, archive20(version(text)))
  const run = await ipfs('save', '-q', '-i', file)
  expect(run).toMatchObject({ exitCode: 0, stderr: '' })
  return run.stdout.trim()
}

test('the doctor says that it is Podman, and that it is all right', async () => {
  const { stdout } = await ipfs('doctor')
  const lines = stdout.split('\n').map((line) => line.replace(/ {2,}/g, '  '))
  expect(lines).toContainEqual(expect.stringMatching(/^ok {2}engine version {2}Podman \d+\.\d+\.\d+$/))
  expect(lines).toContain('ok  engine store  that of Podman, used as a classic one')
})

test('Podman takes an image, gives it back with the same CID, and takes one that shares layers, all without a warning', async () => {
  const [one, two] = [await rootOf('one'), await rootOf('two')]
  expect(await ipfs('load', '-q', '--tag', 'app:1', one)).toMatchObject({
    exitCode: 0,
    stdout: 'Loaded image: app:1\n',
  })
  const second = await ipfs('load', '--tag', 'app:2', two)
  expect(second).toMatchObject({ exitCode: 0, stdout: 'Loaded image: app:2\n' })
  expect(second.stderr).not.toContain('WARNING')
  for (const [name, root] of [
    ['app:1', one],
    ['app:2', two],
  ] as const) {
    const saved = await ipfs('save', '-q', '--no-cache', name)
    expect(saved).toMatchObject({ exitCode: 0, stdout: `${root}\n`, stderr: '' })
  }
  const again = await ipfs('load', '--tag', 'other:2', two)
  expect(again).toMatchObject({ exitCode: 0, stdout: 'Loaded image: other:2\n' })
  expect(again.stderr).toContain('The engine has this image already')
})

test('an image that Podman calls by the name of this machine is found by its short one', async () => {
  await podman.docker('image', 'tag', 'app:1', 'localhost/mine:3')
  const [short, full] = [await ipfs('save', '-q', 'mine:3'), await ipfs('save', '-q', 'localhost/mine:3')]
  expect(short).toMatchObject({ exitCode: 0, stdout: full.stdout })
})
