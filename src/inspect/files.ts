import type { LayerFile } from '../image/archive-files.ts'

/** A path that differs between two images; sizes are bytes, undefined where the path is not. */
export interface FileChange {
  /** As `docker diff` says it: added, changed, deleted. */
  readonly change: 'A' | 'C' | 'D'
  readonly path: string
  readonly before: number | undefined
  readonly after: number | undefined
}

/** OCI image-spec, layer.md, "Whiteouts". */
const WHITEOUT = '.wh.'
const OPAQUE = '.wh..wh..opq'

/** What some layers of an image, one above the other, do to the files below them. */
export class View {
  readonly files = new Map<string, LayerFile>()
  /** Folders of which what is in layers below is not seen any more; `''` is the root. */
  readonly hidden = new Set<string>()
  /** Paths that were deleted themselves. */
  readonly gone = new Set<string>()

  /** Puts a layer on top; `isWanted` leaves out paths that nobody asks for. */
  async add(layer: AsyncIterable<LayerFile>, isWanted: (path: string) => boolean = () => true): Promise<void> {
    const entries: LayerFile[] = []
    for await (const file of layer) {
      const at = file.path.lastIndexOf('/')
      const [folder, name] = [file.path.slice(0, Math.max(at, 0)), file.path.slice(at + 1)]
      // A whiteout is for the layers below, wherever in its own layer it stands.
      if (name === OPAQUE) this.#hide(folder, false)
      else if (name.startsWith(WHITEOUT)) this.#hide(join(folder, name.slice(WHITEOUT.length)), true)
      else if (file.path !== '' && isWanted(file.path)) entries.push(file)
    }
    for (const file of entries) {
      if (!file.isDirectory && this.files.get(file.path)?.isDirectory) this.#hide(file.path, true)
      this.files.set(file.path, file)
    }
  }

  #hide(path: string, itself: boolean): void {
    this.hidden.add(path)
    const below = path === '' ? '' : `${path}/`
    for (const other of this.files.keys()) {
      if (other.startsWith(below) || (itself && other === path)) this.files.delete(other)
    }
    if (itself) this.gone.add(path)
  }

  /** A path as it is seen through these layers, with what is below them. */
  see(path: string, base: View): LayerFile | undefined {
    const own = this.files.get(path)
    if (own !== undefined || this.gone.has(path)) return own
    for (const above of ancestorsOf(path)) {
      const folder = this.files.get(above)
      if (this.hidden.has(above) || (folder !== undefined && !folder.isDirectory)) return undefined
    }
    return base.files.get(path)
  }
}

/** What of the layers below both must be known to compare them: nothing, as a rule, where both have the same paths. */
export function openPaths(a: View, b: View): { readonly isNone: boolean; readonly wants: (path: string) => boolean } {
  const open = new Set([...a.hidden, ...b.hidden])
  for (const path of new Set([...a.files.keys(), ...b.files.keys()])) {
    if (a.files.get(path)?.isDirectory !== b.files.get(path)?.isDirectory) open.add(path)
  }
  const wants = (path: string) => open.has(path) || [...ancestorsOf(path)].some((above) => open.has(above))
  return { isNone: open.size === 0, wants }
}

/** What differs, by path. */
export function compare(a: View, b: View, base: View): FileChange[] {
  const paths = new Set([...a.files.keys(), ...b.files.keys(), ...base.files.keys()])
  const changes: FileChange[] = []
  for (const path of paths) {
    const [before, after] = [a.see(path, base), b.see(path, base)]
    if (before?.state === after?.state) continue
    const change = before === undefined ? 'A' : after === undefined ? 'D' : 'C'
    changes.push({ change, path: `/${path}`, before: before?.size, after: after?.size })
  }
  return changes.sort((one, other) => (one.path < other.path ? -1 : 1))
}

function* ancestorsOf(path: string): Generator<string> {
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) yield path.slice(0, at)
  yield ''
}

function join(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`
}
