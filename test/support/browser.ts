import { dirname, join } from 'node:path'
import axe from 'axe-core'
import { type Browser, chromium, type Page } from 'playwright-core'
import { script } from './scripts.ts'

/** Starts a headless Chromium that talks to nobody on its own account. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = (await script('chromium')).trim()
  return chromium.launch({
    executablePath,
    // As root there is no sandbox; what is looked at here is our own page, from our own node.
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
    env: { ...process.env, FONTCONFIG_FILE: join(dirname(executablePath), 'fonts.conf') },
  })
}

/** What axe-core finds wrong with a page as it is now, in one line each. */
export async function faultsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  return page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run()
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))
  })
}

interface AxeResults {
  readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[]
}
