/**
 * Takes the pictures of the published page that are in docs/, of a catalogue made up for them:
 *   bun scripts/page-pictures.ts
 */
import { join } from 'node:path'
import type { PublishedCatalogue } from '../src/publication/document.ts'
import { renderPage } from '../src/publication/page/page.ts'
import { startBrowser } from '../test/support/browser.ts'

const DOCS = join(import.meta.dir, '../docs')
const CID = 'bafybeibkysaahpu4x4umcw6j5ey6fpkntoxr74wkcrhbqf7cr5n4pwmfue'
const KEY = 'k51qzi5uqu5diqhyyuel7kwyz1ocbd0876nzmu6c82xn76k41sanburdzehld4'

/** Name and tag, size in MB, day, platforms. */
const IMAGES = [
  ['library/debian:bookworm', 52.12, '2026-11-18', ['linux/amd64', 'linux/arm64']],
  ['library/debian:trixie', 54.82, '2026-11-18', ['linux/amd64', 'linux/arm64']],
  ['library/nginx:1.26', 61.42, '2026-02-05', ['linux/amd64']],
  ['library/nginx:1.27', 62.92, '2026-10-05', ['linux/amd64', 'linux/arm64', 'linux/arm/v7']],
  ['library/nginx:1.27-alpine', 18.92, '2026-10-05', ['linux/amd64', 'linux/arm64', 'linux/arm/v7']],
  ['team/shop:1.0', 145.9, '2026-11-02', ['linux/amd64']],
  ['team/shop:1.1', 147, '2026-11-23', ['linux/amd64']],
] as const

const catalogue: PublishedCatalogue = {
  schemaVersion: 1,
  publishedAt: '2026-11-24T21:04:11Z',
  sequence: 12,
  previous: CID,
  images: IMAGES.map(([full, megabytes, created, platforms], at) => ({
    name: `docker.io/${full.split(':')[0]}`,
    tag: full.split(':')[1] ?? '',
    // Like each other in nothing but the beginning, as CIDs are.
    cid: `${CID.slice(0, 7)}${CID.slice(10 + at * 5)}${CID.slice(7, 10 + at * 5)}`,
    configDigest: `sha256:${new Bun.CryptoHasher('sha256').update(full).digest('hex')}`,
    size: megabytes * 1e6,
    created: `${created}T00:00:00Z`,
    platforms,
  })),
}

const browser = await startBrowser()
const page = async (name: string, colorScheme: 'light' | 'dark', width: number) => {
  const view = await browser.newPage({ colorScheme, viewport: { width, height: 760 } })
  // As from a gateway, since the page shows where it is.
  await view.route('**/*', (route) => route.fulfill({ contentType: 'text/html', body: renderPage(catalogue) }))
  await view.goto(`http://127.0.0.1:8080/ipns/${KEY}/`)
  await view.locator('summary').nth(3).click()
  await view.getByRole('button').first().waitFor()
  await view.mouse.move(0, 0)
  await view.screenshot({ path: join(DOCS, name) })
}
await page('page-wide.png', 'light', 1000)
await page('page-narrow.png', 'dark', 390)
await browser.close()
