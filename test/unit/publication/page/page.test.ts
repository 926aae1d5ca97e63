import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import type { PublishedCatalogue } from '../../../../src/publication/document.ts'
import { renderPage } from '../../../../src/publication/page/page.ts'

const CID = 'bafybeifb3g6gcqsndd2jl76tij23tkhbdyos4skyeatr2ckijf3b7kinpu'
const IMAGE: PublishedCatalogue['images'][number] = {
  name: 'docker.io/library/nginx',
  tag: '1.27',
  cid: CID,
  configDigest: `sha256:${'ab'.repeat(32)}`,
  size: 52_124_160,
  platforms: ['linux/amd64'],
}
const catalogue = (...images: PublishedCatalogue['images']): PublishedCatalogue => ({
  schemaVersion: 1,
  publishedAt: '2026-11-24T21:04:11.000Z',
  sequence: 1,
  previous: null,
  images,
})

describe('the page of a publication', () => {
  test('has each image with its commands, its CID, its size, and a link to its folder', () => {
    const html = renderPage(catalogue(IMAGE))
    for (const text of [
      '1 tag in 1 repository',
      'published <time datetime="2026-11-24T21:04:11.000Z">24 Nov 2026, 21:04 UTC</time> · number 1<',
      '<h2>nginx</h2>',
      `<code>docker ipfs load --tag nginx:1.27 ${CID}</code>`,
      `<code>ipfs cat ${CID}/image.tar | docker load</code>`,
      `<code>curl -fL http://127.0.0.1:8080/ipfs/${CID}/image.tar | docker load</code>`,
      `<code>sha256:${'ab'.repeat(32)}</code>`,
      '52.12MB',
      'href="images/docker.io/library/nginx:1.27/"',
    ]) {
      expect(html).toContain(text)
    }
    expect(html).not.toContain('previous publication')
  })

  test('is the same for the same catalogue, and says so when that is empty', () => {
    expect(renderPage(catalogue(IMAGE))).toBe(renderPage(catalogue({ ...IMAGE })))
    expect(renderPage(catalogue())).toContain('No image is published here.')
  })

  test('needs nothing from anywhere, and allows its own script and style alone', () => {
    const html = renderPage(catalogue(IMAGE))
    expect(html.match(/\b(?:src|action)=|@import|url\(/g)).toBeNull()
    expect(html.match(/<link[^>]*>/g)).toEqual([expect.stringContaining('rel="icon" href="data:')])
    for (const [name, pattern] of [
      ['script', /<script>([\s\S]*?)<\/script>/],
      ['style', /<style>([\s\S]*?)<\/style>/],
    ] as const) {
      const text = pattern.exec(html)?.[1] ?? ''
      const digest = createHash('sha256').update(text).digest('base64')
      expect(html).toContain(`${name}-src 'sha256-${digest}'`)
    }
  })

  test('takes nothing in a catalogue for markup', () => {
    const evil = `<i>"'&`
    const images = { ...IMAGE, name: evil, tag: evil, cid: evil, configDigest: evil, platforms: [evil] }
    const html = renderPage({ ...catalogue(images), previous: evil })
    expect(html).not.toContain('<i>')
    expect(html).toContain(
      '<code>ipfs cat &#39;&lt;i&gt;&quot;&#39;\\&#39;&#39;&amp;/image.tar&#39; | docker load</code>',
    )
  })

  test.each([
    ['a; reboot', "'a; reboot:1'"],
    ["a'$(reboot)", `'a'\\''$(reboot):1'`],
    ['a\nreboot', "'a\nreboot:1'"],
  ])('a name that is no plain word, %j, is quoted for a shell', (name, quoted) => {
    const html = renderPage(catalogue({ ...IMAGE, name, tag: '1' })).replaceAll('&#39;', "'")
    expect(html).toContain(`docker ipfs load --tag ${quoted} ${CID}<`)
  })

  test('says how many platforms there are, and lists them', () => {
    const html = renderPage(catalogue({ ...IMAGE, platforms: ['linux/amd64', 'linux/arm64', 'linux/arm/v7'] }))
    expect(html).toContain('<span>linux/amd64 and 2 more</span>')
    expect(html).toContain('<dd>linux/amd64, linux/arm64, linux/arm/v7</dd>')
  })
})
