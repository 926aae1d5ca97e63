import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { familiarName, fullName, otherTags, repositoryOf } from '../../../src/image/name.ts'

const HEX = '0123456789abcdef'.repeat(4)

test.each([
  ['nginx', 'docker.io/library/nginx:latest'],
  ['nginx:1', 'docker.io/library/nginx:1'],
  ['nginx:1.27-alpine_3.20', 'docker.io/library/nginx:1.27-alpine_3.20'],
  ['nginx:Upper.Case', 'docker.io/library/nginx:Upper.Case'],
  ['a/b', 'docker.io/a/b:latest'],
  ['a/b/c:1', 'docker.io/a/b/c:1'],
  ['docker.io/nginx', 'docker.io/library/nginx:latest'],
  ['docker.io/library/nginx:1', 'docker.io/library/nginx:1'],
  ['index.docker.io/nginx', 'docker.io/library/nginx:latest'],
  ['localhost/x', 'localhost/x:latest'],
  ['localhost:5000/x:1', 'localhost:5000/x:1'],
  ['host:5000/x', 'host:5000/x:latest'],
  ['host.example/x', 'host.example/x:latest'],
  ['host.example/a/b', 'host.example/a/b:latest'],
  ['host.example:5000/a/b:1', 'host.example:5000/a/b:1'],
  ['127.0.0.1:5000/x', '127.0.0.1:5000/x:latest'],
  ['[::1]:5000/x', '[::1]:5000/x:latest'],
  ['Registry/x', 'Registry/x:latest'],
  ['a.b', 'docker.io/library/a.b:latest'],
  ['a_b', 'docker.io/library/a_b:latest'],
  ['a__b', 'docker.io/library/a__b:latest'],
  ['a---b', 'docker.io/library/a---b:latest'],
  // docker takes it for a name, too, where no image has this ID.
  ['0123456789ab', 'docker.io/library/0123456789ab:latest'],
])('%s is %s', (name, full) => {
  expect(fullName(name)).toBe(full)
})

test.each([
  '',
  '/',
  'a/',
  '/a',
  'a//b',
  ':1',
  'nginx:',
  'nginx:-1',
  'nginx:.1',
  'nginx:1:2',
  `nginx:${'1'.repeat(129)}`,
  'Nginx',
  'a/B',
  'a..b',
  'a___b',
  '-a',
  'a-',
  'a b',
  'nginx\n',
  'ä',
  'host.example/',
  'host:port/x',
  '-host.example/x',
  'host..example/x',
  HEX,
  `nginx@sha256:${HEX}`,
  `nginx:1@sha256:${HEX}`,
  '<none>:<none>',
  `x${'/a'.repeat(150)}`,
])('%j is no name', (text) => {
  expect(fullName(text)).toBeUndefined()
})

test('a full name is its own full name, and its repository is what stands before the tag', () => {
  const part = fc.stringMatching(/^[a-z0-9]{1,8}$/)
  const name = fc.record({
    registry: fc.constantFrom('', 'localhost/', 'host.example/', 'host:5000/', 'docker.io/', '[::1]:80/'),
    path: fc.array(part, { minLength: 1, maxLength: 3 }),
    tag: fc.option(fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,10}$/)),
  })
  fc.assert(
    fc.property(name, ({ registry, path, tag }) => {
      const full = fullName(`${registry}${path.join('/')}${tag === null ? '' : `:${tag}`}`) ?? ''
      expect(fullName(full)).toBe(full)
      expect(full).toBe(`${repositoryOf(full)}:${tag ?? 'latest'}`)
      expect(repositoryOf(full)).toEndWith(path.join('/'))
      expect(repositoryOf(full).split('/').length).toBeGreaterThanOrEqual(2)
    }),
  )
})

test('any text gives a full name or none, and never an error', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), (text) => {
      const full = fullName(text)
      if (full !== undefined) expect(full).toMatch(/^[^/]+\/.+:[^:/]+$/)
    }),
  )
})

test.each(['nginx:1', 'a/b:1', 'quay.io/a/b:1', 'localhost:5000/app:1', 'docker.io.example.org/app:1'])(
  '%s is shown as it is typed',
  (name) => {
    expect(familiarName(fullName(name) ?? '')).toBe(name)
  },
)

test('of many other tags the last are listed', () => {
  const names = Array.from({ length: 12 }, (_, at) => `app:${at + 1}`)
  expect(otherTags('app', [...names, 'app:1', '<none>:<none>'])?.hint).toBe(
    'There is app:8, app:9, app:10, app:11, app:12, 7 more.',
  )
})

test.each(['app', 'app:1', 'App', 'sha256:1234', ''])('%j has no other tag where there is none', (text) => {
  expect(
    otherTags(text, ['app:1', 'apple:1', 'x/app:1', 'reg.example/app:1'].slice(text === 'app' ? 1 : 0)),
  ).toBeUndefined()
})
