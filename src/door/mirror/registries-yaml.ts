import { isDeepStrictEqual } from 'node:util'
import { YAML } from 'bun'
import { isObject } from '../../json.ts'
import { type Form, type Mirror, readWith, unreadable } from './form.ts'

/** `registries.yaml` of k3s and RKE2. It is written anew: comments are lost. Source: https://docs.k3s.io/installation/private-registry */
export const registriesYaml: Form = {
  add: (text, mirror) => changed(text, mirror, (others, url) => [url, ...others]),
  remove: (text, mirror) => changed(text, mirror, (others) => others),
}

function changed(
  text: string,
  { registry, address }: Mirror,
  change: (others: string[], url: string) => string[],
): string {
  const settings = objectOf(
    readWith((yaml) => YAML.parse(yaml) as unknown, text, 'YAML'),
    'it',
  )
  const mirrors = objectOf(settings['mirrors'], 'mirrors')
  const own = objectOf(mirrors[registry], `mirrors of ${registry}`)
  const endpoints = own['endpoint'] ?? []
  if (!Array.isArray(endpoints) || !endpoints.every((one) => typeof one === 'string')) {
    throw unreadable('registries.yaml', 'endpoint is no list of texts')
  }
  const url = `http://${address}`
  const after = change(
    endpoints.filter((one) => one.replace(/\/$/, '') !== url),
    url,
  )
  if (JSON.stringify(after) === JSON.stringify(endpoints)) return text
  const whole = withOrWithout(
    settings,
    'mirrors',
    withOrWithout(mirrors, registry, withOrWithout(own, 'endpoint', after)),
  )
  if (Object.keys(whole).length === 0) return ''
  const written = `${YAML.stringify(whole, null, 2).trimEnd()}\n`
  if (!isDeepStrictEqual(YAML.parse(written), whole)) throw unreadable('YAML', 'what it has would be changed')
  return written
}

/** What is empty then is left out. */
function withOrWithout(object: Record<string, unknown>, key: string, value: object): Record<string, unknown> {
  const { [key]: _, ...others } = object
  return Object.keys(value).length === 0 ? others : { ...object, [key]: value }
}

/** @throws FILE_FAILED */
function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (value === undefined || value === null) return {}
  if (!isObject(value)) throw unreadable('registries.yaml', `${what} is no mapping`)
  return value
}
