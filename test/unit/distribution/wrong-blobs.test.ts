import { afterEach, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import type { RepositoryRef, StoredBlob } from '../../../src/distribution/registry.ts'
import { DockerIpfsError } from '../../../src/errors.ts'
import { sha256 } from '../../../src/streams.ts'
import { MemoryRegistry } from '../../support/memory/registry.ts'
import { answerTo, head, type Serving, serving } from '../../support/serving.ts'

let served: Serving | undefined
afterEach(() => served?.close())

const RIGHT = randomBytes(200_000)
const DIGEST = sha256(RIGHT)

/** A blob that is wrong in the repository `bad` as long as `isBad`. */
class SometimesWrong extends MemoryRegistry {
  isBad = true
  error: Error | undefined

  override async blob({ path }: RepositoryRef): Promise<StoredBlob> {
    const bytes = this.isBad && path === 'bad' ? randomBytes(RIGHT.length) : RIGHT
    const { error } = this
    return {
      digest: DIGEST,
      size: RIGHT.length,
      async *read({ offset, length }) {
        yield bytes.subarray(offset, offset + length - 1)
        if (error !== undefined) throw error
        yield bytes.subarray(offset + length - 1, offset + length)
      },
    }
  }
}

const ask = (headers: readonly string[] = [], method = 'GET', repository = 'bad') =>
  answerTo(served?.port ?? 0, head(served?.port ?? 0, `${method} /v2/${repository}/blobs/${DIGEST}`, ...headers))

test('of a blob whose bytes were wrong a second request learns why, whatever part it asks for', async () => {
  served = await serving(new SometimesWrong())
  expect(await ask()).toStartWith('HTTP/1.1 200 OK\r\n')
  for (const headers of [[], ['Range: bytes=199999-'], ['Range: bytes=0-9']]) {
    const refused = await ask(headers)
    expect(refused).toStartWith('HTTP/1.1 403 Forbidden\r\n')
    expect(JSON.parse(refused.slice(refused.indexOf('{')))).toMatchObject({
      errors: [{ code: 'UNSUPPORTED', message: expect.stringContaining(DIGEST) }],
    })
  }
  expect(await ask([], 'HEAD')).toStartWith('HTTP/1.1 403 Forbidden\r\n')
})

test('it is refused nowhere else, and after a while not at all', async () => {
  const registry = new SometimesWrong()
  served = await serving(registry, { refuseWrongFor: 300 })
  await ask()
  const other = await fetch(`${served.url}/v2/good/blobs/${DIGEST}`)
  expect(sha256(await other.bytes())).toBe(DIGEST)
  registry.isBad = false
  let answer: Response
  do {
    await Bun.sleep(20)
    answer = await fetch(`${served.url}/v2/bad/blobs/${DIGEST}`)
  } while (answer.status === 403)
  expect(sha256(await answer.bytes())).toBe(DIGEST)
})

test('what fails in another way may be asked for again at once', async () => {
  const registry = new SometimesWrong()
  registry.isBad = false
  registry.error = new DockerIpfsError('NODE_UNREACHABLE', 'the node is away')
  served = await serving(registry)
  await ask()
  registry.error = undefined
  expect(await ask()).toStartWith('HTTP/1.1 200 OK\r\n')
})
