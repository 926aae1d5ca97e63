import { expect, test } from 'bun:test'
import { type DoorImage, renderDoorPage } from '../../../../src/publication/page/door-page.ts'
import { POLICY } from '../../../../src/publication/page/frame.ts'

const CID = 'bafybeifmynaomk6oxyaovsle3yoilzpzj3kqj6m5i2cim5prtegn7x2lgi'
const address = '127.0.0.1:5300'

function page(images: readonly Partial<DoorImage>[], isReadOnly = false): string {
  const whole = images.map((image) => ({ name: undefined, cid: CID, size: undefined, created: undefined, ...image }))
  return renderDoorPage({ address, isReadOnly, images: whole })
}

test('an image has the commands that bring it, by name and by CID', () => {
  const html = page([{ name: 'docker.io/library/shop:1.2', size: 1_186_000, created: '2026-01-02T03:04:05Z' }])
  for (const text of [
    `docker pull ${address}/shop:1.2`,
    `docker pull ${address}/${CID}`,
    `docker ipfs load --tag shop:1.2 ${CID}`,
    `docker ipfs run ${CID}`,
    `docker push ${address}/NAME:TAG`,
    '1 image at the registry',
    '1.186MB',
  ])
    expect(html).toContain(text)
})

test('an image without a name is there by its CID', () => {
  const html = page([{ name: 'docker.io/library/a:1' }, {}])
  expect(html).toContain('2 images at the registry')
  expect(html).toContain('<h2>No name</h2>')
  expect(html).toContain(`docker ipfs load ${CID}`)
})

test('a page without images says so, and one of a registry that takes none', () => {
  expect(page([])).toContain('The node keeps no image yet.')
  expect(page([], true)).toContain('nothing can be pushed here')
  expect(page([], true)).not.toContain('docker push')
})

test('the page runs nothing but its own script, and no name is more than text', () => {
  const name = `evil/"><script>alert(1)</script>&'$(id):1`
  const html = page([{ name, cid: '<b>' }])
  expect(html).not.toContain('<script>alert')
  expect(html).not.toContain('<b>&lt;')
  expect(html.match(/<script/g)).toHaveLength(1)
  expect(html.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/(?:src|href)="(?!data:)/)
  expect(html).toContain(`content="${POLICY}"`)
  // What people paste into a shell is one word there.
  expect(html).toContain(`docker pull &#39;${address}/evil/&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;`)
})
