import { describe, expect, test } from 'bun:test'
import { CHANGED, inPath, useEngine } from '../../../support/engine-api.ts'

const never = new AbortController().signal
const engine = useEngine()
const [A, B] = [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`]

describe('an image', () => {
  test('is looked up by name or ID', async () => {
    const body = { Id: A, RepoTags: ['ns/name:1'], RootFS: { Type: 'layers', Layers: [B] } }
    const docker = await engine.with({
      'GET /images/ns/name%3A1/json': { body },
      [`GET /images/${inPath(A)}/json`]: { body },
    })
    expect(await docker.inspect('ns/name:1', never)).toEqual({ id: A, layers: [B], names: ['ns/name:1'] })
    expect(await docker.inspect(A, never)).toEqual({ id: A, layers: [B], names: ['ns/name:1'] })
  })

  test('may have neither name nor layers', async () => {
    const docker = await engine.with({ 'GET /images/x/json': { body: { Id: A, RepoTags: null } } })
    expect(await docker.inspect('x', never)).toEqual({ id: A, layers: [], names: [] })
  })

  test.each(['No such image: nosuch:x', 'no such image: nosuch:x: No such image: nosuch:x'])(
    'is none where the engine says %p',
    async (message) => {
      const docker = await engine.with({ 'GET /images/nosuch%3Ax/json': { status: 404, body: { message } } })
      expect(await docker.inspect('nosuch:x', never)).toBeUndefined()
    },
  )

  test('has no layers where its config cannot be read; by a name it is an error', async () => {
    const message = `failed to read config of the manifest ${B}: could not deserialize image config: json: cannot …`
    const answer = { status: 500, body: { message } }
    const docker = await engine.with({ [`GET /images/${inPath(A)}/json`]: answer, 'GET /images/x/json': answer })
    expect(await docker.inspect(A, never)).toEqual({ id: A, layers: [], names: [] })
    await expect(docker.inspect('x', never)).rejects.toMatchObject({ code: 'ENGINE_FAILED' })
  })

  test('is an error where the engine fails', async () => {
    const docker = await engine.with({ 'GET /images/x/json': { status: 500, body: { message: 'disk on fire' } } })
    await expect(docker.inspect('x', never)).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: 'the Docker engine answered: disk on fire',
    })
  })

  test.each(['a/../b', './a', 'a//b', '..', ''])(
    'called %p is not asked about: the path would be another',
    async (name) => {
      const docker = await engine.with({})
      await expect(docker.inspect(name, never)).rejects.toThrow('the Docker engine answered: invalid reference format')
      expect(engine.asked()).toEqual([])
    },
  )
})

describe('an engine whose store changes while it looks', () => {
  test('is asked again', async () => {
    const body = { Id: A, RepoTags: [], RootFS: { Layers: [B] } }
    const docker = await engine.with({ 'GET /images/x/json': [CHANGED, CHANGED, CHANGED, { body }] })
    expect(await docker.inspect('x', never)).toMatchObject({ id: A })
    expect(engine.asked()).toHaveLength(4)
  })

  test('is not asked for ever', async () => {
    const docker = await engine.with({ 'GET /images/json': CHANGED })
    await expect(docker.images(never)).rejects.toThrow('data changed during operation')
    expect(engine.asked()).toHaveLength(4)
  })

  test('is asked again for each of many images where it did not answer', async () => {
    const body = { RootFS: { Layers: [B] } }
    const docker = await engine.with({
      [`GET /images/${inPath(A)}/json`]: [CHANGED, { body }],
      [`GET /images/${inPath(B)}/json`]: { body: { RootFS: { Layers: [] } } },
    })
    expect(await docker.layersOf([A, B], never)).toEqual([[B], []])
    expect(engine.asked()).toHaveLength(3)
  })
})

describe('the list of images', () => {
  test('has each once, without what docker calls images without a name', async () => {
    const docker = await engine.with({
      'GET /images/json': {
        body: [
          { Id: A, RepoTags: ['a:1', 'a:2'], Size: 10 },
          // As 20.10 has those without a name; newer engines have an empty list, or null.
          { Id: B, RepoTags: ['<none>:<none>'], Size: 20 },
          { Id: 'sha256:c', RepoTags: null, Size: 30 },
          { Id: 'sha256:d', RepoTags: [], Size: 40 },
          // A containerd store of 26 lists each name by itself.
          { Id: A, RepoTags: ['b:1'], Size: 10 },
        ],
      },
    })
    expect(await docker.images(never)).toEqual([
      { id: A, names: ['a:1', 'a:2', 'b:1'], bytes: 10 },
      { id: B, names: [], bytes: 20 },
      { id: 'sha256:c', names: [], bytes: 30 },
      { id: 'sha256:d', names: [], bytes: 40 },
    ])
  })

  test.each(['{"message":"no"}', '["a"]', 'null'])('is not %s', async (body) => {
    const docker = await engine.with({ 'GET /images/json': { body } })
    await expect(docker.images(never)).rejects.toThrow('docker gave an answer that cannot be read')
  })
})

describe('the layers of many images', () => {
  test('are asked for over few connections, and are in their order', async () => {
    const ids = Array.from({ length: 450 }, (_, at) => `sha256:${at}`)
    const replies = ids.map((id) => [
      `GET /images/${inPath(id)}/json`,
      { body: { RootFS: { Layers: [`${id}-1`, `${id}-2`] } } },
    ])
    const docker = await engine.with(Object.fromEntries(replies))
    expect(await docker.layersOf(ids, never)).toEqual(ids.map((id) => [`${id}-1`, `${id}-2`]))
    expect(engine.connections()).toBe(3)
  })

  test('are none where there are no images', async () => {
    const docker = await engine.with({})
    expect(await docker.layersOf([], never)).toEqual([])
    expect(engine.connections()).toBe(0)
  })

  test('leave out an image that goes meanwhile', async () => {
    const docker = await engine.with({ [`GET /images/${inPath(B)}/json`]: { body: { RootFS: { Layers: [A] } } } })
    expect(await docker.layersOf([A, B], never)).toEqual([[A]])
  })

  test('are an error where the engine fails', async () => {
    const docker = await engine.with({ [`GET /images/${inPath(A)}/json`]: { status: 500, body: { message: 'no' } } })
    await expect(docker.layersOf([A], never)).rejects.toMatchObject({ code: 'ENGINE_FAILED' })
  })
})

describe('whether an engine has all of an image', () => {
  const one = (id: string, Available: boolean) => ({ Id: id, RepoTags: [], Manifests: [{ ID: id, Available }] })
  const question = `GET /v1.48/images/${inPath(A)}/json?manifests=1`
  const list = 'GET /v1.48/images/json?manifests=1&filters=%7B%22dangling%22%3A%5B%22true%22%5D%7D'

  test.each([true, false])('is what it says: %p', async (isWhole) => {
    const docker = await engine.with({ [question]: { body: one(A, isWhole) } })
    expect(await docker.isWhole(A, never)).toBe(isWhole)
  })

  test('is not known of an older engine, nor of an image that it has not', async () => {
    const message = 'client version 1.48 is too new. Maximum supported API version is 1.45'
    const docker = await engine.with({
      [question]: { status: 400, body: { message } },
      [list]: { status: 400, body: { message } },
    })
    expect(await docker.isWhole(A, never)).toBeUndefined()
    expect(await docker.isWhole(B, never)).toBeUndefined()
    expect(await docker.wholeImages(never)).toBeUndefined()
  })

  test('is not known where something else answers in its place', async () => {
    const page = { status: 502, body: '<html>Bad Gateway</html>' }
    const docker = await engine.with({ [question]: page, [list]: page })
    expect(await docker.isWhole(A, never)).toBeUndefined()
    expect(await docker.wholeImages(never)).toBeUndefined()
  })

  test('is asked for at once of those without a name', async () => {
    const docker = await engine.with({ [list]: [CHANGED, { body: [one(A, true), one(B, false)] }] })
    expect(await docker.wholeImages(never)).toEqual(new Set([A]))
  })
})
