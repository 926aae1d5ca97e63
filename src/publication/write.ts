import type { BlockSink } from '../dag/blocks.ts'
import { type DagNode, writeDirectory, writeFile } from '../format/files.ts'
import { nameOf, type PublishedCatalogue, writePublished } from './document.ts'
import { renderPage } from './page/page.ts'

/** A folder that is being made; its entries are folders, or nodes that are there. */
type FolderTree = Map<string, FolderTree | DagNode>

/**
 * Writes a publication: `catalogue.json`, `index.html` for people, and below `images/` each image under its full name, as in the node's catalogue.
 * `images`: what a link to each image must say, by full name. Their blocks are not written.
 */
export async function writePublication(
  catalogue: PublishedCatalogue,
  images: ReadonlyMap<string, DagNode>,
  sink: BlockSink,
): Promise<DagNode> {
  const root: FolderTree = new Map()
  root.set('catalogue.json', await writeFile(writePublished(catalogue), sink))
  root.set('index.html', await writeFile(Buffer.from(renderPage(catalogue)), sink))
  const folder = folderIn(root, 'images')
  for (const image of catalogue.images) {
    const steps = nameOf(image).split('/')
    const last = steps.pop() as string
    const node = images.get(nameOf(image))
    if (node !== undefined) steps.reduce(folderIn, folder).set(last, node)
  }
  return writeFolder(root, sink)
}

/** No name is in the way of a folder: only names have a tag behind them, and of folders only registries, which come first. */
function folderIn(folder: FolderTree, name: string): FolderTree {
  const there = folder.get(name)
  if (there instanceof Map) return there
  const made: FolderTree = new Map()
  folder.set(name, made)
  return made
}

async function writeFolder(folder: FolderTree, sink: BlockSink): Promise<DagNode> {
  const entries = new Map<string, DagNode>()
  for (const [name, entry] of folder) entries.set(name, entry instanceof Map ? await writeFolder(entry, sink) : entry)
  return writeDirectory(entries, sink)
}
