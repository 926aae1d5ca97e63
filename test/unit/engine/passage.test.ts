import { describe, expect, test } from 'bun:test'
import type { Registry } from '../../../src/distribution/registry.ts'
import { isLeftName, isPassageName, withPassage } from '../../../src/engine/passage.ts'

const never = new AbortController().signal

const EMPTY: Registry = {
  manifest: async () => undefined,
  blob: async () => undefined,
  tags: async () => undefined,
  repositories: async () => [],
  referrers: async () => [],
}

function watch(signal = never) {
  const removed: string[] = []
  const engine = {
    remove: async (names: readonly string[]) => {
      removed.push(...names)
    },
  }
  return { removed, options: { engine, signal } }
}

const v2 = (name: string) => `http://${name.split('/')[0]}/v2/`

describe('a passage', () => {
  test('is a registry on loopback under a name that nobody can guess, and neither is left', async () => {
    const { removed, options } = watch()
    let path = ''
    const open = (repository: string) => {
      path = repository
      return EMPTY
    }
    const name = await withPassage(
      open,
      async (given) => {
        expect((await fetch(v2(given))).status).toBe(200)
        expect(await isLeftName(given)).toBe(false)
        return given
      },
      options,
    )
    expect(name).toMatch(/^127\.0\.0\.1:\d+\/docker-ipfs-passage-[0-9a-f]{32}:latest$/)
    expect(name).toContain(`/${path}:`)
    expect(removed).toEqual([name])
    await expect(fetch(v2(name))).rejects.toThrow()
    expect(isPassageName(name)).toBe(true)
    expect(await isLeftName(name)).toBe(true)
  })

  test('that fails leaves none either', async () => {
    const { removed, options } = watch()
    const failing = withPassage(
      () => EMPTY,
      () => Promise.reject(new Error('no')),
      options,
    )
    await expect(failing).rejects.toThrow('no')
    expect(removed).toHaveLength(1)
  })

  test('that is cancelled ends, and the engine, which may still give the name, is looked at twice', async () => {
    const user = new AbortController()
    const { removed, options } = watch(user.signal)
    const use = (_: string, signal: AbortSignal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
        user.abort(new Error('cancelled'))
      })
    await expect(withPassage(() => EMPTY, use, options)).rejects.toThrow('cancelled')
    expect(removed).toHaveLength(2)
  })

  test('whose name cannot be taken away is no failure', async () => {
    const engine = { remove: () => Promise.reject(new Error('in use')) }
    expect(
      await withPassage(
        () => EMPTY,
        async () => 1,
        { engine, signal: never },
      ),
    ).toBe(1)
  })
})

test.each([
  'nginx:1.27',
  '127.0.0.1:5300/docker-ipfs-passage-0:latest',
  `127.0.0.1:5300/docker-ipfs-passage-${'0'.repeat(32)}:1`,
  `evil.example/127.0.0.1:5300/docker-ipfs-passage-${'0'.repeat(32)}:latest`,
])('%s is no name of a passage', async (name) => {
  expect(isPassageName(name)).toBe(false)
  expect(await isLeftName(name)).toBe(false)
})
