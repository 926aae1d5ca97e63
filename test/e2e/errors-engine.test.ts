import { describe, expect, test } from 'bun:test'
import { ENGINES } from '../support/engine.ts'
import { digest, GOLDEN, GOLDEN_ROOTS, imageOf } from '../support/images.ts'
import { breaksAfter, endsAfter, hangsUpAfter, type Lie, lyingEngine, replaces } from '../support/lying-engine.ts'
import type { Finished } from '../support/place.ts'
import { useReal } from '../support/real.ts'
import { tarOf } from '../support/tar.ts'

const real = useReal({ engines: ENGINES, nodes: ['node'] })
const LARGE = GOLDEN.large()
const TINY = GOLDEN.tiny()

/** Saves through an engine whose archive is not what it should be: the node and the engine must be as before. */
async function save(name: string, id: string, lie: Lie): Promise<Finished & { readonly error: string | undefined }> {
  const engine = real.engine(name)
  const liar = await lyingEngine(`${real.place.folder}/liar.sock`, engine.socket, lie)
  try {
    const run = await real.leavingNothing(() => engine.behind(liar).ipfs(real.node(), 'save', '-q', '--no-cache', id))
    expect(run.stdout).toBe('')
    return { ...run, error: run.stderr.split('\n')[0] }
  } finally {
    liar.close()
  }
}

describe.each(ENGINES)('%s, whose archive', (name) => {
  test('is passed on as it is, is saved', async () => {
    const engine = real.engine(name)
    const liar = await lyingEngine(`${real.place.folder}/honest.sock`, engine.socket, (archive) => archive)
    const id = await engine.give(LARGE)
    const through = await engine.behind(liar).ipfs(real.node(), 'save', '-q', '--no-cache', id)
    liar.close()
    expect(through).toMatchObject({ exitCode: 0, stdout: `${GOLDEN_ROOTS.large}\n`, stderr: '' })
  })

  test.each([0, 700, 3_000_000])('ends in an error of the engine after %d bytes', async (bytes) => {
    const id = await real.engine(name).give(LARGE)
    expect(await save(name, id, breaksAfter(bytes, 'disk broke'))).toMatchObject({
      exitCode: 1,
      error: 'ERROR: the Docker engine stopped in the middle of the image: disk broke',
    })
  })

  test.each([700, 3_000_000])('ends after %d bytes', async (bytes) => {
    const id = await real.engine(name).give(LARGE)
    expect(await save(name, id, endsAfter(bytes))).toMatchObject({
      exitCode: 1,
      error: 'ERROR: the image archive is cut short or damaged (Unexpected end of data)',
    })
  })

  test('ends before it begins', async () => {
    const id = await real.engine(name).give(LARGE)
    expect(await save(name, id, endsAfter(0))).toMatchObject({
      exitCode: 1,
      error: 'ERROR: the image archive is incomplete: it ends before manifest.json',
    })
  })

  test('ends with the connection after 3000000 bytes', async () => {
    const id = await real.engine(name).give(LARGE)
    expect(await save(name, id, hangsUpAfter(3_000_000))).toMatchObject({
      exitCode: 1,
      error: 'ERROR: the image archive is cut short or damaged (Unexpected end of data)',
    })
  })

  test('has a layer with one other byte', async () => {
    const id = await real.engine(name).give(TINY)
    const wrong = digest(tarOf([{ path: 'hello.txt', body: Buffer.from('Hallo, IPFS\n') }]))
    const run = await save(name, id, replaces('Hello, IPFS', 'Hallo, IPFS'))
    expect(run.error?.replace(/\(.*\)/, '(…)')).toBe(
      `ERROR: layer 1 of 1 (…) has diffID ${wrong}, but the config says ${TINY.diffIds[0]}`,
    )
    expect(run.exitCode).toBe(5)
  })

  test('has a config with one other byte', async () => {
    const id = await real.engine(name).give(imageOf(TINY.layers))
    const wrong = Buffer.from(TINY.config.toString().replace('2026-01-01', '2025-01-01'))
    // All of it: the descriptions of single layers, which nobody needs, begin like it.
    const run = await save(name, id, replaces(TINY.config.toString(), wrong.toString()))
    expect(run.error).toBe(
      `ERROR: the image config has digest ${digest(wrong)}, but is named ${digest(TINY.config).slice(7)}`,
    )
    expect(run.exitCode).toBe(5)
  })
})
