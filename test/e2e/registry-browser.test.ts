import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { startBrowser } from '../support/browser.ts'
import { type CompiledDoor, startDoor } from '../support/compiled-door.ts'
import { useReal } from '../support/real.ts'

// A page of somebody else, open in a browser on this machine: it can reach 127.0.0.1, and must get nothing of the front door and change nothing.

const real = useReal({ nodes: ['node'] })
let door: CompiledDoor
let browser: Browser
let site: Server
let page: Page

beforeAll(async () => {
  door = await startDoor(real.place, real.node())
  browser = await startBrowser()
  site = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end('<title>evil</title>'))
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve))
  page = await browser.newPage()
  await page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`)
})
afterAll(async () => {
  await browser?.close()
  site?.close()
  await door?.stop()
})

const asked = (path: string) => door.requests.filter((entry) => entry.path === path)

async function answered(path: string): Promise<readonly number[]> {
  while (asked(path).length === 0) await Bun.sleep(20)
  return asked(path).map(({ status }) => status)
}

test('another page reads nothing, with or without CORS, and as an image, a script or a form neither', async () => {
  const outcome = (path: string, init: { mode?: 'no-cors'; method?: string }) =>
    page.evaluate(
      ([url, options]) =>
        fetch(url, options).then(
          (answer) => `${answer.type} ${answer.status}`,
          () => 'refused',
        ),
      [`http://${door.host}${path}`, init] as const,
    )
  expect(await outcome('/v2/?cors', {})).toBe('refused')
  expect(await answered('/v2/?cors')).toEqual([403])
  expect(await outcome('/v2/?opaque', { mode: 'no-cors' })).toBe('opaque 0')
  expect(await answered('/v2/?opaque')).toEqual([403])
  expect(await outcome('/v2/a/blobs/uploads/', { method: 'POST', mode: 'no-cors' })).toBe('opaque 0')
  expect(await answered('/v2/a/blobs/uploads/')).toEqual([403])
  await outcome('/v2/a/manifests/1', { method: 'DELETE' })
  for (const [tag, path] of [
    ['img', '/v2/?img'],
    ['script', '/v2/?script'],
    ['iframe', '/v2/?iframe'],
  ] as const) {
    await page.evaluate(
      ([name, src]) => {
        const { document } = globalThis as unknown as {
          document: { createElement(n: string): { src: string }; body: { append(e: object): void } }
        }
        const element = document.createElement(name)
        element.src = src
        document.body.append(element)
      },
      [tag, `http://${door.host}${path}`] as const,
    )
    expect(await answered(path)).toEqual([403])
  }
  expect(door.requests.filter(({ method, status }) => method !== 'GET' && status < 400)).toEqual([])
})

test('a page whose own name leads here reads nothing', async () => {
  const rebound = await browser.newContext()
  const own = await rebound.newPage()
  const answer = await own.goto(`http://evil.localhost:${door.port}/v2/?rebound`).catch(() => undefined)
  expect(answer?.status()).toBe(403)
  expect(await answered('/v2/?rebound')).toEqual([403])
  await rebound.close()
})

test('its own page opens, and a link to it from elsewhere', async () => {
  const own = await browser.newPage()
  expect((await own.goto(`http://${door.host}/`))?.status()).toBe(200)
  await page.evaluate((url) => {
    const { location } = globalThis as unknown as { location: { href: string } }
    location.href = url
  }, `http://${door.host}/`)
  await page.waitForURL(`http://${door.host}/`)
  expect(await page.locator('body').textContent()).toContain('docker')
  await own.close()
})
