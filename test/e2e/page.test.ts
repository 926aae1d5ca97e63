import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { dirname, join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import type { PublishedCatalogue } from '../../src/publication/document.ts'
import { renderPage } from '../../src/publication/page/page.ts'
import { faultsOf, startBrowser } from '../support/browser.ts'
import { ENGINES_WITH_ZSTD } from '../support/engine.ts'
import { GOLDEN, GOLDEN_ROOTS } from '../support/images.ts'
import { useReal } from '../support/real.ts'
import { script } from '../support/scripts.ts'

/** Nothing here depends on the engine, but that it reads zstd. */
const ENGINE = ENGINES_WITH_ZSTD[0] ?? ''
const real = useReal({ engines: [ENGINE], nodes: ['node'] })
const node = () => real.node()
const engine = () => real.engine(ENGINE)

const TAGS = ['library/nginx:1.26', 'library/nginx:1.27', 'library/debian:bookworm', 'team/shop:1'] as const
const CATALOGUE: PublishedCatalogue = {
  schemaVersion: 1,
  publishedAt: '2026-11-24T21:04:11Z',
  sequence: 2,
  previous: GOLDEN_ROOTS.large,
  images: TAGS.map((tag, at) => ({
    name: `docker.io/${tag.split(':')[0]}`,
    tag: tag.split(':')[1] ?? '',
    cid: GOLDEN_ROOTS.tiny,
    configDigest: `sha256:${'0'.repeat(63)}${at}`,
    size: 52_124_160,
    created: '2026-11-18T00:00:00Z',
    platforms: at === 1 ? ['linux/amd64', 'linux/arm64'] : ['linux/amd64'],
  })),
}

let browser: Browser
let root = ''
let key = ''
const complaints: string[] = []

beforeAll(async () => {
  browser = await startBrowser()
  // Without a router the gateway finds no IPNS name, not even the node's own.
  await node().stop()
  await node().configure((config) => {
    config['Routing'] = { Type: 'dhtserver', LoopbackAddressesOnLanDHT: true }
  })
  await node().restart()
  const id = await engine().give(GOLDEN.tiny())
  expect(await engine().save(node(), id)).toBe(GOLDEN_ROOTS.tiny)
  const body = new FormData()
  body.append('file', new Blob([renderPage(CATALOGUE)]))
  await node().rpc('files/write?arg=/site/index.html&create=true&parents=true', body)
  for (const tag of TAGS) {
    await node().rpc(`files/cp?arg=/ipfs/${GOLDEN_ROOTS.tiny}&arg=/site/images/docker.io/${tag}&parents=true`)
  }
  root = (JSON.parse(await node().rpc('files/stat?arg=/site')) as { Hash: string }).Hash
  const published = await node().rpc(`name/publish?arg=/ipfs/${root}&allow-offline=true`)
  key = (JSON.parse(published) as { Name: string }).Name
})

afterAll(() => browser.close())

/** Opens the page, and hears whatever the browser complains of. */
async function open(address: string, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'], ...options })
  const page = await context.newPage()
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('requestfailed', (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`))
  await page.goto(address)
  return page
}

const fromGateway = (options?: BrowserContextOptions) => open(`${node().gateway}/ipfs/${root}/`, options)
const row = (page: Page, name: string) => page.locator(`details[data-name="${name}"]`)
const copied = (page: Page) => page.evaluate('navigator.clipboard.readText()') as Promise<string>

/** Opens a row. Its buttons come a moment after the click. */
async function openRow(page: Page, name: string): Promise<void> {
  await row(page, name).locator('summary').click()
  await row(page, name).getByRole('button').first().waitFor()
}

/** The commands of a row, as its buttons put them on the clipboard. */
async function commandsOf(page: Page, name: string): Promise<string[]> {
  await openRow(page, name)
  const commands: string[] = []
  for (const button of await row(page, name).getByRole('button').all()) {
    await button.click()
    await button.filter({ hasText: 'Copied' }).waitFor()
    commands.push(await copied(page))
  }
  return commands
}

describe('the published page', () => {
  test('lists names, tags, platforms, times, CIDs and sizes, and links to images and to the publication before', async () => {
    const page = await fromGateway()
    expect(await page.locator('h2').allTextContents()).toEqual(['nginx', 'debian', 'team/shop'])
    expect(await row(page, 'nginx:1.27').locator('summary > *').allTextContents()).toEqual([
      ...['1.27', 'linux/amd64 and 1 more', '18 Nov 2026', '52.12MB'],
      GOLDEN_ROOTS.tiny.replace(/^(.{7}).*(.{8})$/, '$1…$2'),
    ])
    const before = page.getByRole('link', { name: 'previous publication' })
    expect(await before.getAttribute('href')).toBe(`${node().gateway}/ipfs/${GOLDEN_ROOTS.large}/`)
    await openRow(page, 'nginx:1.27')
    await row(page, 'nginx:1.27').getByRole('link').click()
    await page.waitForURL(`${node().gateway}/ipfs/${root}/images/docker.io/library/nginx:1.27/`)
    await page.getByRole('link', { name: 'image.tar' }).first().waitFor()
    await page.context().close()
  })

  test('searches all of that, word by word', async () => {
    const page = await fromGateway()
    const names = () => page.locator('details:visible').evaluateAll((rows) => rows.map((row) => row.dataset['name']))
    await page.getByRole('searchbox', { name: 'Search' }).fill('AMD64 nginx')
    expect(await names()).toEqual(['nginx:1.26', 'nginx:1.27'])
    expect(await page.locator('h2:visible').allTextContents()).toEqual(['nginx'])
    expect(await page.getByRole('status').textContent()).toBe('2 of 4')
    for (const [query, found] of [
      ['linux/arm64', ['nginx:1.27']],
      [GOLDEN_ROOTS.tiny, ['nginx:1.26', 'nginx:1.27', 'debian:bookworm', 'team/shop:1']],
      [`${'0'.repeat(63)}3`, ['team/shop:1']],
    ] as const) {
      await page.getByRole('searchbox').fill(query)
      expect(await names()).toEqual([...found])
    }
    await page.getByRole('searchbox').fill('<nobody>')
    expect(await names()).toEqual([])
    expect(await page.getByText('Nothing matches.').isVisible()).toBe(true)
    await page.context().close()
  })

  test('its buttons copy commands that load the image, plugin or not', async () => {
    const page = await fromGateway()
    const [load, cat, curl, cid] = await commandsOf(page, 'nginx:1.27')
    expect([load, cat, curl, cid]).toEqual([
      `docker ipfs load --tag nginx:1.27 ${GOLDEN_ROOTS.tiny}`,
      `ipfs cat ${GOLDEN_ROOTS.tiny}/image.tar | docker load`,
      `curl -fL ${node().gateway}/ipfs/${GOLDEN_ROOTS.tiny}/image.tar | docker load`,
      GOLDEN_ROOTS.tiny,
    ])
    const kubo = dirname((await script('kubo')).trim())
    const env = { DOCKER_HOST: engine().host, DOCKER_IPFS_API: node().api, IPFS_PATH: node().repo }
    for (const command of [load, cat, curl] as string[]) {
      await engine().clear()
      const run = await real.place.run('sh', ['-c', command], {
        env: { ...env, PATH: `${kubo}:${process.env['PATH']}` },
      })
      expect([command, run.exitCode, run.stdout]).toEqual([command, 0, expect.stringMatching(/^Loaded image/)])
      expect(await engine().images()).toHaveLength(1)
    }
    await page.context().close()
  })

  test('knows its IPNS name and its gateway behind a path and behind a subdomain', async () => {
    const port = new URL(node().gateway).port
    for (const [address, gateway] of [
      [`http://127.0.0.1:${port}/ipns/${key}/`, `http://127.0.0.1:${port}`],
      // Kubo sends it on to http://<key>.ipns.localhost.
      [`http://localhost:${port}/ipns/${key}/`, `http://localhost:${port}`],
    ] as const) {
      const page = await open(address)
      const [pull, load, , curl] = await commandsOf(page, 'team/shop:1')
      expect(pull).toBe(`docker ipfs pull ipns://${key}/team/shop:1`)
      expect(load).toStartWith('docker ipfs load ')
      expect(curl).toStartWith(`curl -fL ${gateway}/ipfs/${GOLDEN_ROOTS.tiny}/`)
      await page.context().close()
    }
  })

  test('is what publish publishes, and its first command pulls the image from there', async () => {
    const name = 'localhost:5000/team/small:1'
    await engine().docker('tag', await engine().give(GOLDEN.tiny()), name)
    expect(await engine().ipfs(node(), 'save', '-q', name)).toMatchObject({ exitCode: 0 })
    const { stdout } = await engine().ipfs(node(), 'publish', '-q')
    const page = await open(`${node().gateway}/ipns/${stdout.trim().replace('ipns://', '')}/`)
    const [pull = ''] = await commandsOf(page, name)
    expect(pull).toBe(`docker ipfs pull ${stdout.trim()}/${name}`)
    await engine().clear()
    const env = { DOCKER_HOST: engine().host, DOCKER_IPFS_API: node().api }
    expect(await real.place.run('sh', ['-c', pull], { env })).toMatchObject({ exitCode: 0 })
    expect(await engine().images()).toEqual([expect.stringMatching(new RegExp(` ${name}$`))])
    await row(page, name).getByRole('link').click()
    await page.getByRole('link', { name: 'image.tar' }).first().waitFor()
    await page.context().close()
  })

  test('opens as a file, and lists everything without JavaScript', async () => {
    const file = join(real.place.folder, 'index.html')
    await Bun.write(file, renderPage(CATALOGUE))
    const withScript = await open(`file://${file}`)
    expect((await commandsOf(withScript, 'debian:bookworm'))[2]).toStartWith('curl -fL http://127.0.0.1:8080/ipfs/')
    await withScript.context().close()
    const page = await open(`file://${file}`, { javaScriptEnabled: false })
    expect(await page.getByRole('searchbox').count()).toBe(0)
    const shop = row(page, 'team/shop:1')
    await shop.locator('summary').click()
    expect(await shop.getByText(`docker ipfs load --tag team/shop:1 ${GOLDEN_ROOTS.tiny}`).isVisible()).toBe(true)
    expect(await shop.getByRole('button').count()).toBe(0)
    await page.context().close()
  })

  test('is used with the keyboard alone', async () => {
    const page = await fromGateway()
    await page.getByRole('searchbox').focus()
    for (const pressed of ['Tab', 'Enter']) await page.keyboard.press(pressed)
    await page.getByRole('button').first().waitFor()
    for (const pressed of ['Tab', 'Enter']) await page.keyboard.press(pressed)
    await page.getByRole('status').getByText('Copied').waitFor()
    expect(await copied(page)).toBe(`docker ipfs load --tag nginx:1.26 ${GOLDEN_ROOTS.tiny}`)
    await page.context().close()
  })

  test.each([
    ['light', 1100],
    ['dark', 320],
  ] as const)(
    'axe-core finds nothing in the %s scheme, %d wide, and nothing is cut off',
    async (colorScheme, width) => {
      const page = await fromGateway({ colorScheme, viewport: { width, height: 900 } })
      await row(page, 'nginx:1.27').locator('summary').click()
      expect(await faultsOf(page)).toEqual([])
      const back = await page.evaluate('getComputedStyle(document.documentElement).backgroundColor')
      expect(back).toBe(colorScheme === 'light' ? 'rgb(246, 247, 248)' : 'rgb(15, 19, 23)')
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
      await page.context().close()
    },
  )

  test('the browser had nothing to complain of in all this', () => {
    expect(complaints).toEqual([])
  })

  test('runs no script but its own, whatever a catalogue says', async () => {
    const [image] = CATALOGUE.images
    const evil = `"'><img src=x onerror=alert(1)></script><script>alert(1)</script>`
    const images = [{ ...image, name: evil, tag: evil, cid: evil, configDigest: evil, platforms: [evil, evil] }]
    const file = join(real.place.folder, 'evil.html')
    await Bun.write(file, renderPage({ ...CATALOGUE, previous: evil, images } as PublishedCatalogue))
    const page = await open(`file://${file}`)
    page.on('dialog', () => complaints.push('dialog'))
    await page.locator('summary').click()
    await page.getByRole('button').first().waitFor()
    expect(await page.locator('img, script').count()).toBe(1)
    expect(await page.locator('h2').textContent()).toBe(evil)
    expect(await page.locator('button').count()).toBe(5)
    // What the page may not do it may not even if something slipped through.
    const title = await page.evaluate(`new Promise((done) => {
      document.body.insertAdjacentHTML('beforeend', '<img src="data:," onerror="document.title = 1">')
      document.querySelector('img').addEventListener('error', () => done(document.title))
    })`)
    expect(title).toBe('Docker images on IPFS')
    expect(complaints.filter((text) => !/Content.Security.Policy|csp/i.test(text))).toEqual([])
    await page.context().close()
  })
})
