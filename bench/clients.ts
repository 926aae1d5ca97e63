/**
 * Compose and Helm on the front door: clients whose build takes minutes, so that no test has them.
 *
 *     bun bench/clients.ts [--engine docker28]     after `npm run build`
 */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startDoor } from '../test/support/compiled-door.ts'
import { Place } from '../test/support/place.ts'
import { script } from '../test/support/scripts.ts'
import { removeEngine, removeNode, startEngine, startNode } from './places.ts'

const { values: flags } = parseArgs({ options: { engine: { type: 'string', default: 'docker28' } } })
const place = new Place()
const node = await startNode('clients', true)
const engine = await startEngine(flags.engine)
const door = await startDoor(place, node)
const folder = join(place.folder, 'shop')
mkdirSync(folder)
try {
  await compose()
  await helm()
} finally {
  await door.stop()
  await removeEngine(engine.name)
  await removeNode(node.name)
  place.remove()
}

async function compose(): Promise<void> {
  const plugins = join(place.dockerConfig, 'cli-plugins')
  symlinkSync((await script('go-tool', 'compose')).trim(), join(plugins, 'docker-compose'))
  symlinkSync((await script('buildx')).trim(), join(plugins, 'docker-buildx'))
  await script('busybox-image', engine.host, `${door.host}/box:1`)
  await engine.docker('push', '-q', `${door.host}/box:1`)
  await engine.docker('image', 'rm', `${door.host}/box:1`)
  writeFileSync(join(folder, 'Dockerfile'), `FROM ${door.host}/box:1\nENV A=b\n`)
  writeFileSync(
    join(folder, 'compose.yaml'),
    `services:
  box:
    image: ${door.host}/box:1
    network_mode: none
    command: echo ran
  shop:
    image: ${door.host}/shop:1
    network_mode: none
    build: {context: ., network: none}
    command: sh -c 'echo $$A'
`,
  )
  for (const args of [['up', 'box'], ['build', 'shop'], ['push', 'shop'], ['run', '--rm', 'shop'], ['down']]) {
    await step('docker', '-H', engine.host, 'compose', '--project-directory', folder, ...args)
  }
}

async function helm(): Promise<void> {
  const program = (await script('go-tool', 'helm')).trim()
  const chart = join(folder, 'chart')
  await step(program, 'create', chart)
  await step(program, 'package', chart, '--destination', folder)
  const packed = join(folder, 'chart-0.1.0.tgz')
  await step(program, 'push', packed, `oci://${door.host}/charts`, '--plain-http')
  const back = join(folder, 'back')
  mkdirSync(back)
  await step(program, 'pull', `oci://${door.host}/charts/chart`, '--version', '0.1.0', '--plain-http', '-d', back)
  await step('cmp', packed, join(back, 'chart-0.1.0.tgz'))
}

async function step(command: string, ...args: string[]): Promise<void> {
  const { exitCode, stdout, stderr } = await place.run(command, args)
  if (exitCode !== 0) throw new Error(`${command} ${args.join(' ')}: exit code ${exitCode}\n${stdout}${stderr}`)
  console.log(`ok: ${args.filter((arg) => !arg.startsWith('/') && !arg.startsWith('unix:')).join(' ')}`)
}
