import { familiarName, repositoryOf } from '../../image/name.ts'
import { command, counted, escaped, renderFrame, renderRow, renderSection, shellWord, shortCid } from './frame.ts'

/** An image that the front door has, once for each of its names. */
export interface DoorImage {
  /** Full name; undefined for an image without one. */
  readonly name: string | undefined
  readonly cid: string
  /** Bytes of all its blocks, where it is known. */
  readonly size: number | undefined
  /** When it was built: ISO 8601. */
  readonly created: string | undefined
}

export interface DoorPage {
  /** Where the door is, as it stands in front of names: `127.0.0.1:5300`. */
  readonly address: string
  readonly isReadOnly: boolean
  readonly images: readonly DoorImage[]
}

const NAMELESS = 'No name'

/** The page of a front door for people: what is there, and the commands that bring it. Names are escaped, also for shells. */
export function renderDoorPage({ address, isReadOnly, images }: DoorPage): string {
  const repositories = Map.groupBy(images, ({ name }) =>
    name === undefined ? NAMELESS : familiarName(repositoryOf(name)),
  )
  const pushes = isReadOnly
    ? 'nothing can be pushed here'
    : `push with <code>docker push ${escaped(address)}/NAME:TAG</code>`
  return renderFrame({
    summary: `<p>${counted(images.length, 'image', 'images')} at the registry ${escaped(address)} · ${pushes}</p>`,
    sections: [...repositories].map(([name, its]) =>
      renderSection(
        name,
        its.map((image) => row(image, address)),
      ),
    ),
    count: images.length,
    none: 'The node keeps no image yet.',
    footer: `Every image on IPFS is here under its CID: <code>docker pull ${escaped(address)}/CID</code>.`,
  })
}

function row({ name, cid, size, created }: DoorImage, address: string): string {
  const familiar = name === undefined ? undefined : familiarName(name)
  const tag = name === undefined ? shortCid(cid) : name.slice(name.lastIndexOf(':') + 1)
  const tagged = familiar === undefined ? '' : `--tag ${shellWord(familiar)} `
  const inside = `<h3>From this registry</h3>
${[...(familiar === undefined ? [] : [familiar]), cid].map((path) => command(`docker pull ${shellWord(`${address}/${path}`)}`)).join('\n')}
<h3>With the plugin docker ipfs</h3>
${command(`docker ipfs load ${tagged}${shellWord(cid)}`)}
${command(`docker ipfs run ${shellWord(cid)}`)}
<dl>
<dt>CID</dt><dd>${command(cid)}</dd>
</dl>`
  return renderRow({ name: familiar ?? cid, tag, cid, platform: '', created, size, inside })
}
