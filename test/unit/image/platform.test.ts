import { describe, expect, test } from 'bun:test'
import { parsePlatform, pickAsked, pickRunnable, platformName, platformOf } from '../../../src/image/platform.ts'

const list = (...names: string[]) => names.map((name) => ({ platform: parsePlatform(name) }))
const name = (found: { platform: Parameters<typeof platformName>[0] } | undefined) =>
  found === undefined ? undefined : platformName(found.platform)

test.each([
  ['linux/amd64', 'linux/amd64'],
  ['linux/x86_64', 'linux/amd64'],
  ['LINUX/aarch64', 'linux/arm64'],
  ['linux/arm64/v8', 'linux/arm64'],
  ['linux/arm64/8', 'linux/arm64'],
  ['linux/arm/7', 'linux/arm/v7'],
  ['linux/armhf', 'linux/arm/v7'],
  ['arm64', 'linux/arm64'],
  ['windows', 'windows/unknown'],
  ['linux/amd64/v3', 'linux/amd64/v3'],
  ['linux/armhf/v6', 'linux/arm/v6'],
  ['linux/x86_64/v1', 'linux/amd64'],
  ['linux/constructor', 'linux/constructor'],
])('%s is %s', (text, expected) => {
  expect(platformName(parsePlatform(text))).toBe(expected)
})

test.each(['', '/', 'linux/', 'linux/amd64/v1/x', 'linux/a b', '../x', 'linux//v8'])('"%s" is no platform', (text) => {
  expect(() => parsePlatform(text)).toThrow(`"${text}" is no platform`)
})

describe('a machine', () => {
  test.each([
    ['x86_64', ['linux/386', 'linux/amd64'], 'linux/amd64'],
    ['x86_64', ['linux/386', 'linux/arm64'], 'linux/386'],
    ['x86_64', ['linux/amd64/v3', 'windows/amd64'], undefined],
    ['aarch64', ['linux/arm/v7', 'linux/arm64'], 'linux/arm64'],
    ['aarch64', ['linux/arm/v6', 'linux/arm/v7'], 'linux/arm/v7'],
    ['armv7l', ['linux/arm/v5', 'linux/arm/v6', 'linux/arm64'], 'linux/arm/v6'],
    ['armv6l', ['linux/arm/v7', 'linux/arm/v5'], 'linux/arm/v5'],
    ['armv6l', ['linux/arm/v7'], undefined],
    ['s390x', ['linux/amd64', 'linux/s390x'], 'linux/s390x'],
  ])('%s of %p takes %s', (architecture, names, expected) => {
    expect(name(pickRunnable(list(...names), platformOf('linux', architecture, '')))).toBe(expected as string)
  })
})

describe('who asks for', () => {
  test.each([
    ['linux/arm/v6', ['linux/arm/v7', 'linux/arm/v6'], 'linux/arm/v6'],
    ['linux/arm/v6', ['linux/arm/v5'], undefined],
    ['linux/arm', ['linux/arm/v6', 'linux/arm/v7'], 'linux/arm/v7'],
    ['linux/amd64', ['linux/amd64/v3'], 'linux/amd64/v3'],
    ['linux/amd64', ['linux/amd64/v3', 'linux/amd64/v4'], undefined],
    ['linux/arm64/v8', ['linux/amd64', 'linux/arm64'], 'linux/arm64'],
    ['linux/amd64', ['linux/386'], undefined],
    ['windows', ['linux/amd64', 'windows/amd64'], 'windows/amd64'],
    ['linux', ['linux/amd64', 'linux/arm64'], undefined],
  ])('%s of %p gets %s', (asked, names, expected) => {
    expect(name(pickAsked(list(...names), parsePlatform(asked)))).toBe(expected as string)
  })
})
