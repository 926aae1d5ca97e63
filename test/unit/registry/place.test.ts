import { describe, expect, test } from 'bun:test'
import { readPlace } from '../../../src/registry/place.ts'
import { GOLDEN_ROOTS } from '../../support/images.ts'

const CID = GOLDEN_ROOTS.tiny
const KEY = 'k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8'

const read = (path: string, namespace?: string) => {
  const asked = readPlace({ path, namespace })
  if (asked === undefined) return undefined
  const { place, isPlain } = asked
  const plain = isPlain ? 'plain ' : ''
  if (place.kind === 'image') return `${plain}${place.root}`
  if (place.kind === 'name') return `${plain}${place.repository}`
  return `${plain}${place.reference} ${place.path}`.trim()
}

describe('the path of a repository', () => {
  test.each([
    [CID, CID],
    [`plain/${CID}`, `plain ${CID}`],
    ['nginx', 'docker.io/library/nginx'],
    ['library/nginx', 'docker.io/library/nginx'],
    ['docker.io/library/nginx', 'docker.io/library/nginx'],
    ['docker.io/nginx', 'docker.io/library/nginx'],
    ['index.docker.io/library/nginx', 'docker.io/library/nginx'],
    ['someone/app', 'docker.io/someone/app'],
    ['ghcr.io/x/y', 'ghcr.io/x/y'],
    ['localhost/x', 'localhost/x'],
    ['plain/nginx', 'plain docker.io/library/nginx'],
    ['plain/ghcr.io/x/y', 'plain ghcr.io/x/y'],
    ['plain', 'docker.io/library/plain'],
    [`ipns/${KEY}`, `ipns://${KEY}`],
    [`ipns/${KEY}/nginx`, `ipns://${KEY} nginx`],
    [`ipns/${KEY}/docker.io/library/nginx`, `ipns://${KEY} docker.io/library/nginx`],
    ['ipns/images.example.org/nginx', 'ipns://images.example.org nginx'],
    [`plain/ipns/${KEY}/nginx`, `plain ipns://${KEY} nginx`],
    [`${CID}/nginx`, `ipfs://${CID} nginx`],
    ['ipns/app', 'docker.io/ipns/app'],
    ['ipns', 'docker.io/library/ipns'],
    [`${CID.slice(0, -1)}`, `docker.io/library/${CID.slice(0, -1)}`],
  ])('%s is %s', (path, place) => {
    expect(read(path)).toBe(place)
  })

  test.each([
    ['library/nginx', 'docker.io', 'docker.io/library/nginx'],
    ['nginx', 'docker.io', 'docker.io/library/nginx'],
    ['x/y', 'ghcr.io', 'ghcr.io/x/y'],
    ['x', 'localhost:5000', 'localhost:5000/x'],
    [`plain/${CID}`, 'docker.io', `docker.io/plain/${CID}`],
    ['ipns/example.org', 'ghcr.io', 'ghcr.io/ipns/example.org'],
  ])('%s below %s is %s', (path, namespace, place) => {
    expect(read(path, namespace)).toBe(place)
  })

  test.each([
    ['Nginx', undefined],
    ['a/../b', undefined],
    ['', undefined],
    ['x/y', 'ghcr'],
  ])('%p below %p is none', (path, namespace) => {
    expect(read(path, namespace)).toBeUndefined()
  })
})
