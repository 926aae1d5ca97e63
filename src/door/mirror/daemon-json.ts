import { isObject } from '../../json.ts'
import { type Form, type Mirror, readWith, unreadable } from './form.ts'

/** `daemon.json` of dockerd. Source: https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file */
export const daemonJson: Form = {
  add: (text, mirror) => changed(text, mirror, (mirrors, url) => [url, ...mirrors]),
  remove: (text, mirror) => changed(text, mirror, (mirrors) => mirrors),
}

const KEY = 'registry-mirrors'

function changed(text: string, { address }: Mirror, change: (others: string[], url: string) => string[]): string {
  const settings = text.trim() === '' ? {} : readWith((json) => JSON.parse(json) as unknown, text, 'JSON')
  if (!isObject(settings)) throw unreadable('JSON', 'it is no object')
  const mirrors = settings[KEY] ?? []
  if (!Array.isArray(mirrors) || !mirrors.every((one) => typeof one === 'string')) {
    throw unreadable('daemon.json', `"${KEY}" is no list of texts`)
  }
  const url = `http://${address}`
  const others = mirrors.filter((one) => one.replace(/\/$/, '') !== url)
  const after = change(others, url)
  if (JSON.stringify(after) === JSON.stringify(mirrors)) return text
  const { [KEY]: _, ...rest } = settings
  // In its old place, where it has one.
  const whole = after.length === 0 ? rest : { ...settings, [KEY]: after }
  return Object.keys(whole).length === 0 ? '' : `${JSON.stringify(whole, null, indentOf(text))}\n`
}

/** As people wrote it; two blanks in a new file. */
function indentOf(text: string): string {
  return /^\s*\{[^\S\n]*\n([ \t]+)"/.exec(text)?.[1] ?? '  '
}
