// Who may import whom. A room is a folder (or a single file) of src/.
const { FLOORS } = require('./scripts/floors.cjs')

const room = (name) => `^src/${name}(/|\\.ts$)`

/** Nobody imports from a floor above, nor from another room of the same floor. */
const floors = FLOORS.flatMap((rooms, at) =>
  rooms.map((name) => ({
    name: `${name}-imports-from-below`,
    severity: 'error',
    from: { path: room(name) },
    to: { path: '^src/', pathNot: [name, ...FLOORS.slice(0, at).flat()].map(room) },
  })),
)

/** What is behind a port is not known to it, nor to its other implementations. */
const behind = (port, implementations) => [
  {
    name: `the-ports-of-${port}-know-nothing-behind-them`,
    severity: 'error',
    from: { path: `^src/${port}/[^/]+\\.ts$` },
    to: { path: `^src/${port}/[^/]+/` },
  },
  ...implementations.map((name) => ({
    name: `${port}-${name}-knows-no-other`,
    severity: 'error',
    from: { path: `^src/${port}/${name}/` },
    to: { path: `^src/${port}/[^/]+/`, pathNot: `^src/${port}/${name}/` },
  })),
]

/** A package is used in one place: `where` is a prefix of paths below src/. */
const onlyIn = (pkg, where) => ({
  name: `only-${where}-uses-${pkg}`,
  severity: 'error',
  from: { path: '^src/', pathNot: `^src/${where}` },
  to: { path: `node_modules/${pkg}/` },
})

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true, pathNot: '^bun(:|$)' },
    },
    {
      name: 'every-room-has-a-floor',
      severity: 'error',
      from: {},
      to: { path: '^src/', pathNot: ['^src/main\\.ts$', ...FLOORS.flat().map(room)] },
    },
    {
      name: 'main-imports',
      severity: 'error',
      from: { path: '^src/main\\.ts$' },
      to: { path: '^src/', pathNot: '^src/cli/program\\.ts$' },
    },
    {
      name: 'adapters-are-made-in-one-place',
      severity: 'error',
      from: { path: '^src/cli/', pathNot: '^src/cli/adapters\\.ts$' },
      to: {
        path: '^src/(engine|store|image|dag|managed)/',
        // The path of docker's config.json, which is no adapter.
        pathNot: '^src/engine/docker/config-file\\.ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      // CAR files are opened where they are named; the doctor and the node of our own deal with Kubo and docker themselves.
      name: 'use-cases-know-ports-only',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(engine|store|managed|doctor|cli)/' },
      to: { path: '^src/(engine/docker|store/kubo|store/gateway|store/pinning)/' },
    },
    ...floors,
    ...behind('engine', ['docker']),
    ...behind('store', ['car', 'gateway', 'kubo', 'pinning']),
    onlyIn('yargs', 'cli/'),
    onlyIn('execa', 'engine/docker/'),
    onlyIn('kubo-rpc-client', 'store/kubo/client'),
    onlyIn('tar-stream', 'image/archive'),
    onlyIn('cli-progress', 'output/progress'),
    onlyIn('multiformats', 'dag/'),
    onlyIn('@ipld/dag-pb', '(dag|format)/'),
    onlyIn('@ipld/car', '(dag|store/car)/'),
    onlyIn('ipfs-unixfs', '(dag|format)/'),
  ],
  options: {
    // swc reads the sources: with TypeScript 7 alone dependency-cruiser sees no module at all (scripts/boundaries.ts).
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
