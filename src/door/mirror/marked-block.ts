import { isDeepStrictEqual } from 'node:util'
import { TOML } from 'bun'
import { isObject } from '../../json.ts'
import { type Form, type Mirror, readWith, unreadable } from './form.ts'

/**
 * `hosts.toml` of containerd: the hosts that are asked before the registry, in their order.
 * Source: https://github.com/containerd/containerd/blob/main/docs/hosts.md
 */
export const hostsToml: Form = form({
  block: ({ address }) => [`[host."http://${address}"]`, '  capabilities = ["pull", "resolve"]'],
  head: ({ registry }) => [`server = "https://${registry === 'docker.io' ? 'registry-1.docker.io' : registry}"`, ''],
  has: (parsed, { address }) => isObject(parsed['host']) && `http://${address}` in parsed['host'],
  without: ({ host, ...others }, { address }) => {
    const { [`http://${address}`]: _, ...hosts } = isObject(host) ? host : {}
    return Object.keys(hosts).length === 0 ? others : { ...others, host: hosts }
  },
  // The first host is asked first.
  place: (text) => text.search(/^[ \t]*\[host\./m),
})

/**
 * A drop-in file of podman, buildah, skopeo and CRI-O. The registry's own name stands in the mirror's path, since they do not tell it.
 * Source: containers-registries.conf(5)
 */
export const registriesConf: Form = form({
  block: ({ registry, address }) => [
    '[[registry]]',
    `prefix = "${registry}"`,
    `location = "${registry}"`,
    '',
    '[[registry.mirror]]',
    `location = "${address}/${registry}"`,
    'insecure = true',
  ],
  head: () => [],
  has: ({ registry }, mirror) => listOf(registry).some((one) => isOf(one, mirror)),
  without: ({ registry, ...others }, mirror) => {
    const rest = listOf(registry).filter((one) => !isOf(one, mirror))
    return rest.length === 0 ? others : { ...others, registry: rest }
  },
  place: () => -1,
})

type Parsed = Readonly<Record<string, unknown>>

interface Block {
  readonly block: (mirror: Mirror) => readonly string[]
  /** What a file begins with that was not there. */
  readonly head: (mirror: Mirror) => readonly string[]
  /** Whether a file has it already, from whomever. */
  readonly has: (parsed: Parsed, mirror: Mirror) => boolean
  /** What is in a file beside it. */
  readonly without: (parsed: Parsed, mirror: Mirror) => Parsed
  /** Where it goes in; -1 is the end. */
  readonly place: (text: string) => number
}

/** Settings in TOML, where people's comments stay: what is ours stands between two lines that say so. */
function form({ block, head, has, without, place }: Block): Form {
  return {
    add(text, mirror) {
      const before = parsed(text)
      if (has(before, mirror)) return text
      const [begin, end] = marks(mirror)
      const lines = [begin, ...(text.trim() === '' ? head(mirror) : []), ...block(mirror), end, '']
      const at = place(text)
      const rest = text === '' || text.endsWith('\n') ? text : `${text}\n`
      const after = at < 0 ? `${rest}${lines.join('\n')}` : `${text.slice(0, at)}${lines.join('\n')}${text.slice(at)}`
      const read = parsed(after)
      // Whatever the file has that was not thought of: it is not written.
      if (
        !has(read, mirror) ||
        (text.trim() !== '' && !isDeepStrictEqual(without(read, mirror), without(before, mirror)))
      )
        throw unreadable('TOML', 'what it has would be changed')
      return after
    },
    remove(text, mirror) {
      const [begin, end] = marks(mirror)
      const from = text.indexOf(begin)
      const to = text.indexOf(end, from)
      if (from < 0 || to < 0) return text
      const after = text.slice(0, from) + text.slice(to + end.length).replace(/^\r?\n/, '')
      parsed(after)
      return after.trim() === '' ? '' : after
    },
  }
}

function marks({ registry }: Mirror): readonly [begin: string, end: string] {
  return [`# docker ipfs mirror of ${registry}: begin`, `# docker ipfs mirror of ${registry}: end`]
}

function parsed(text: string): Parsed {
  return readWith((toml) => TOML.parse(toml) as Parsed, text, 'TOML')
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function isOf(value: unknown, { registry }: Mirror): boolean {
  return isObject(value) && (value['prefix'] ?? value['location']) === registry
}
