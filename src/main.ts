import metadata from '../plugin-metadata.json' with { type: 'json' }

// docker asks this before every `docker ipfs …`, so nothing but the JSON is loaded for it.
if (process.argv[2] === 'docker-cli-plugin-metadata') {
  console.log(JSON.stringify(metadata))
} else {
  const { run } = await import('./cli/program.ts')
  process.exitCode = await run(process.argv.slice(2))
}
