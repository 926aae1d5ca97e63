import { familiarName } from '../../image/name.ts'
import type { PublishedCatalogue, PublishedImage } from '../document.ts'
import { command, counted, escaped, renderFrame, renderRow, renderSection, shellWord, time } from './frame.ts'

/** The gateway of a node on the reader's own machine; the script puts the one that served the page in its place. */
const LOCAL_GATEWAY = 'http://127.0.0.1:8080'

/**
 * `index.html` of a publication. All that the catalogue says is escaped, and the page may run only its own script. The same catalogue
 * gives the same text.
 */
export function renderPage(catalogue: PublishedCatalogue): string {
  const { images } = catalogue
  return renderFrame({
    summary: summary(catalogue),
    sections: [...Map.groupBy(images, ({ name }) => name)].map(([name, tags]) =>
      renderSection(familiarName(name), tags.map(image)),
    ),
    count: images.length,
    none: 'No image is published here.',
    footer:
      'Whoever has an image can pin its CID, serve it, and load it; it stays the same image. <a href="catalogue.json">catalogue.json</a> is this list for machines.',
  })
}

function summary({ publishedAt, sequence, previous, images }: PublishedCatalogue): string {
  const repositories = new Set(images.map(({ name }) => name)).size
  const counts = `${counted(images.length, 'tag', 'tags')} in ${counted(repositories, 'repository', 'repositories')}`
  const before = previous === null ? '' : ` · <a data-ipfs href="ipfs://${escaped(previous)}">previous publication</a>`
  return `<p>${counts} · published ${time(publishedAt)} · number ${sequence}${before}</p>`
}

function image({ name, tag, cid, configDigest, size, created, platforms }: PublishedImage): string {
  const full = `${name}:${tag}`
  const [first = 'unknown platform', ...others] = platforms
  const more = others.length === 0 ? '' : ` and ${others.length} more`
  const inside = `<h3>With the plugin docker ipfs</h3>
${command(`docker ipfs load --tag ${shellWord(familiarName(full))} ${shellWord(cid)}`)}
<h3>Without it, on Docker 23 and newer</h3>
${command(`ipfs cat ${shellWord(`${cid}/image.tar`)} | docker load`)}
${command(`curl -fL ${shellWord(`${LOCAL_GATEWAY}/ipfs/${cid}/image.tar`)} | docker load`)}
<dl>
<dt>CID</dt><dd>${command(cid)}</dd>
<dt>Config digest</dt><dd>${command(configDigest)}</dd>
<dt>${platforms.length > 1 ? 'Platforms' : 'Platform'}</dt><dd>${escaped(platforms.join(', ') || 'unknown')}</dd>
<dt>Files</dt><dd><a href="${escaped(folder(full))}">${escaped(full)}</a></dd>
</dl>`
  return renderRow({ name: familiarName(full), tag, cid, platform: `${first}${more}`, created, size, inside })
}

/** Where the publication has the image, relative to the page. */
function folder(full: string): string {
  return `images/${full.split('/').map(encodeURIComponent).join('/').replaceAll('%3A', ':')}/`
}
