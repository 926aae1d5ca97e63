/** docs/engines.md. */

/** What the table says of one image on one engine: `yes`, or something else. */
export interface Cell {
  /** Brought by `docker load` and saved from there; and an archive of this engine. */
  readonly carried: string
  readonly loaded: string
  readonly again: string
  readonly plain: string
}

export interface Row {
  readonly title: string
  readonly origin: string
  readonly layers: number
  readonly root: string
  /** The CID of its linux/amd64 alone. */
  readonly alone: string
  /** One for each engine. */
  readonly cells: readonly Cell[]
  /** One for each tool. */
  readonly tools: readonly string[]
}

/** One image built by BuildKit, out of its containerd store and in both kinds of archive. */
export interface Built {
  readonly engine: string
  readonly outcome: string
}

export interface Matrix {
  /** By the engine's name. */
  readonly versions: ReadonlyMap<string, string>
  readonly tools: readonly string[]
  readonly rows: readonly Row[]
  readonly built: readonly Built[]
}

const STEPS: readonly (readonly [keyof Cell, string])[] = [
  ['carried', 'saved there: the CID; from its `docker save` archive as well'],
  ['loaded', '`docker ipfs load`: config digest and diffIDs'],
  ['again', 'and saved again: the CID'],
  ['plain', '`ipfs cat CID/image.tar \\| docker load`: config digest, diffIDs, and the CID when saved'],
]

export function matrixMarkdown({ versions, tools, rows, built }: Matrix): string {
  const engines = [...versions.keys()]
  return `${[
    '# Engines, images, archives',
    '',
    'Each image was made on one engine, and saved there. Each engine got it by `docker load` of the archive of that one, then from IPFS, then',
    'by `docker load` of what IPFS has, and saved it again each time. Written by `node_modules/.bin/bun bench/matrix.ts`.',
    '',
    table(
      ['image', 'made on', 'layers', 'CID'],
      rows.map((row) => [row.title, row.origin, row.layers, `\`${row.root}\``]),
    ),
    '',
    table(
      ['image', 'step', ...engines.map((name) => `${name}: ${versions.get(name)}`)],
      rows.flatMap((row) =>
        STEPS.map(([key, title], at) => [at === 0 ? row.title : '', title, ...row.cells.map((cell) => cell[key])]),
      ),
    ),
    '',
    '`-ctr` is the containerd store, the others are classic ones. Docker 20.10 reads no zstd, so it takes image.tar from the plugin alone, which',
    'unpacks it. A classic store keeps one platform of an image with several, and `docker ipfs load` brings one; saved, each has the CID of that platform alone',
    `(${rows
      .filter(({ root, alone }) => root !== alone)
      .map(({ alone }) => `\`${alone}\``)
      .join(', ')}).`,
    '',
    'The same images through other tools, and `docker ipfs save -i` of what they wrote: the same CID. "another config": the manifest was one of',
    "Docker's own form, which a containerd store makes up for an archive of 20.10. Of that, skopeo and podman make an OCI one and write the config anew: it is",
    'another image, with another ID.',
    '',
    table(
      ['', ...rows.map(({ title }) => title)],
      tools.map((tool, at) => [tool, ...rows.map((row) => row.tools[at] ?? '')]),
    ),
    '',
    'An image that BuildKit builds, with a `RUN`: `docker buildx build` with `type=oci`, with `type=docker` and into the image store, one CID',
    '',
    table(
      ['engine', 'one CID'],
      built.map(({ engine, outcome }) => [engine, outcome]),
    ),
  ].join('\n')}\n`
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
