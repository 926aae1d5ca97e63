import { expect, test } from 'bun:test'
import { parseCid } from '../../../src/dag/cid.ts'
import type { Catalogue } from '../../../src/kubo/catalogue.ts'
import { resolve } from '../../../src/names/resolve.ts'

const ROOT = parseCid('bafybeifb3g6rmyhrlk5ynajbkgkwkxcvvb2zzhkgkz5c6pmhbqwgvbsmwi')

function resolving(text: string) {
  const catalogue = {
    findName: async (name: string) => (name === 'docker.io/library/app:1' ? ROOT : undefined),
  } as Pick<Catalogue, 'findName'> as Catalogue
  return resolve(text, { node: { catalogue, address: 'here' }, signal: new AbortController().signal })
}

test.each([`${ROOT}`, `ipfs://${ROOT}`, `/ipfs/${ROOT}`, ` ${ROOT}/ `])('"%s" is a CID', async (text) => {
  expect(await resolving(text)).toEqual({ root: ROOT })
})

test.each(['app:1', 'library/app:1', 'docker.io/library/app:1'])('%s is a name in the catalogue', async (text) => {
  expect(await resolving(text)).toEqual({ root: ROOT, name: 'docker.io/library/app:1' })
})

test('a name that the catalogue lacks is not found', async () => {
  await expect(resolving('app:2')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' })
})

test.each(['Nonsense!', '', `${ROOT}/image.tar`, `${ROOT}`.slice(0, -1)])('"%s" is neither', async (text) => {
  await expect(resolving(text)).rejects.toMatchObject({ code: 'REFERENCE_INVALID' })
})
