import { expect, test } from 'bun:test'
import { familiarName, repositoryAndTag } from '../../../src/names/show.ts'

test.each([
  ['docker.io/library/app:1', 'app', '1'],
  ['docker.io/team/app:latest', 'team/app', 'latest'],
  ['localhost:5000/app:1.2', 'localhost:5000/app', '1.2'],
  ['ghcr.io/library/app:1', 'ghcr.io/library/app', '1'],
])('%s is shown as %s and %s', (name, repository, tag) => {
  expect(repositoryAndTag(name)).toEqual({ repository, tag })
  expect(familiarName(name)).toBe(`${repository}:${tag}`)
})

test('an image without a name is shown as docker shows it', () => {
  expect(repositoryAndTag(undefined)).toEqual({ repository: '<none>', tag: '<none>' })
})
