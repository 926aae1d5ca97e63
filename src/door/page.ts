import { type ListOptions, list } from '../catalogue/list.ts'
import type { Page } from '../distribution/options.ts'
import { renderDoorPage } from '../publication/page/door-page.ts'
import { POLICY } from '../publication/page/frame.ts'
import type { DoorOptions } from './options.ts'

interface PageParts extends ListOptions {
  readonly options: DoorOptions
}

const HEADERS = {
  'Content-Security-Policy': `${POLICY}; frame-ancestors 'none'`,
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
}

/** The page at `/`: what the node keeps. @param address of the door, as it stands in the names of images */
export async function pageOf(path: string, address: string, parts: PageParts): Promise<Page | undefined> {
  if (path !== '/') return undefined
  const { images } = await list(parts)
  const shown = images.map(({ name, root, record, size }) => {
    return { name, cid: root.toString(), size, created: record?.created }
  })
  const text = renderDoorPage({ address, isReadOnly: parts.options.isReadOnly === true, images: shown })
  return { mediaType: 'text/html; charset=utf-8', bytes: Buffer.from(text), headers: HEADERS }
}
