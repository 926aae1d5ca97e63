import { readFile, rename, writeFile } from 'node:fs/promises'

/** Empty where there is none. */
export async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}

/** In one step: readers and crashes find the old text or the new one. Only its owner may read it. */
export async function replace(path: string, text: string): Promise<void> {
  const made = `${path}.${crypto.randomUUID()}`
  await writeFile(made, text, { mode: 0o600 })
  await rename(made, path)
}
