// Who may import whom. A room is a folder (or a single file) of src/.
const room = (name) => `^src/${name}(/|\\.ts$)`

/** `name` may import itself and `allowed`, nothing else of src/. */
const onlyFrom = (name, allowed) => ({
  name: `${name}-imports`,
  severity: 'error',
  from: { path: room(name) },
  to: { path: '^src/', pathNot: [name, ...allowed].map(room) },
})

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
      name: 'main-imports',
      severity: 'error',
      from: { path: '^src/main\\.ts$' },
      to: { path: '^src/', pathNot: '^src/cli/program\\.ts$' },
    },
    {
      name: 'nothing-imports-cli',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(cli/|main\\.ts$)' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'adapters-are-made-in-context',
      severity: 'error',
      from: { path: '^src/cli/', pathNot: '^src/cli/context\\.ts$' },
      to: { path: '^src/(docker|kubo|gateway|image|dag|managed)/', dependencyTypesNot: ['type-only'] },
    },
    onlyFrom('errors', []),
    onlyFrom('json', []),
    onlyFrom('streams', ['errors']),
    onlyFrom('docker', ['errors', 'json', 'streams']),
    onlyFrom('image', ['errors', 'json', 'streams']),
    onlyFrom('dag', ['errors', 'streams']),
    onlyFrom('kubo', ['dag', 'errors', 'json', 'streams']),
    onlyFrom('managed', ['docker', 'kubo', 'errors', 'json', 'streams']),
    onlyFrom('gateway', ['dag', 'errors', 'streams']),
    onlyFrom('transfer', ['names', 'page', 'docker', 'image', 'dag', 'kubo', 'gateway', 'errors', 'streams']),
    onlyFrom('inspect', ['transfer', 'names', 'docker', 'image', 'dag', 'kubo', 'gateway', 'errors', 'streams']),
    onlyFrom('doctor', ['docker', 'kubo', 'errors']),
    onlyFrom('names', ['docker', 'image', 'dag', 'kubo', 'errors', 'json', 'streams']),
    onlyFrom('page', ['names/published', 'docker/reference', 'output/format']),
    onlyFrom('output', ['transfer/events', 'errors']),
    onlyIn('yargs', 'cli/'),
    onlyIn('execa', 'docker/'),
    onlyIn('kubo-rpc-client', 'kubo/'),
    onlyIn('tar-stream', 'image/archive'),
    onlyIn('cli-progress', 'output/progress'),
    onlyIn('multiformats', 'dag/'),
    onlyIn('@ipld/dag-pb', 'dag/'),
    onlyIn('@ipld/car', 'dag/'),
    onlyIn('ipfs-unixfs', 'dag/'),
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
