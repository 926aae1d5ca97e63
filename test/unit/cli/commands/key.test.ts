import { beforeEach, expect, test } from 'bun:test'
import { keyGen, keyLs, keyRename, keyRm } from '../../../../src/cli/commands/key.ts'
import { runCommand } from '../../../support/command.ts'
import { MemoryNode } from '../../../support/memory/node.ts'

let node: MemoryNode
beforeEach(() => {
  node = new MemoryNode()
})
const gen = (...argv: string[]) => runCommand(keyGen, argv, { node })
const list = (...argv: string[]) => runCommand(keyLs, argv, { node })

test('a key is made, and its IPNS name printed', async () => {
  const { exitCode, stdout, stderr } = await gen('team')
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  expect(stdout).toMatch(/^k51\w+\n$/)
  expect(await node.naming.keys()).toEqual([{ name: 'team', id: stdout.trim() }])
})

test('the keys are a table, or IPNS names alone, or what a template says', async () => {
  const id = (await gen('team')).stdout.trim()
  expect(await list()).toMatchObject({ exitCode: 0, stdout: `KEY    IPNS NAME\nteam   ${id}\n`, stderr: '' })
  expect((await list('-q')).stdout).toBe(`${id}\n`)
  expect((await list('--format', 'json')).stdout).toBe(`${JSON.stringify({ Key: 'team', IpnsName: id })}\n`)
  expect((await list('--format', '{{.Key}}')).stdout).toBe('team\n')
})

test('a node without keys has a table without rows', async () => {
  expect((await list()).stdout).toBe('KEY   IPNS NAME\n')
})

test('a key is renamed, and its IPNS name stays; removed, it is gone', async () => {
  const { stdout } = await gen('team')
  expect(await runCommand(keyRename, ['team', 'crew'], { node })).toMatchObject({ exitCode: 0, stdout, stderr: '' })
  expect((await list()).stdout).toContain('crew')
  expect(await runCommand(keyRm, ['crew'], { node })).toMatchObject({ exitCode: 0, stdout: `Deleted: ${stdout}` })
  expect(await node.naming.keys()).toEqual([])
  expect(await runCommand(keyRm, ['crew'], { node })).toMatchObject({ exitCode: 1, stdout: '' })
})

test('of several keys those that are there go, and what is wrong with the others is told last', async () => {
  const ids = [await gen('a'), await gen('b')].map(({ stdout }) => stdout.trim())
  const { exitCode, stdout, stderr } = await runCommand(keyRm, ['none', 'a', 'other', 'b', 'a'], { node })
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: ids.map((id) => `Deleted: ${id}\n`).join('') })
  expect(stderr.split('\n').filter((line) => line.startsWith('ERROR: '))).toEqual([
    'ERROR: the node has no key none',
    'ERROR: the node has no key other',
    'ERROR: the node has no key a',
  ])
  expect(await node.naming.keys()).toEqual([])
})

test('there is one key of a name', async () => {
  await gen('team')
  const { exitCode, stdout, stderr } = await gen('team')
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
  expect(stderr).toStartWith('ERROR: there is a key team\n')
})

test('key gen needs a name, and key ls takes none', async () => {
  expect((await gen()).stderr).toStartWith("docker: 'docker ipfs key gen' requires 1 argument\n")
  expect((await list('team')).stderr).toStartWith("docker: 'docker ipfs key ls' accepts no arguments\n")
  const { exitCode, stderr } = await list('--format', '{{.Name}}')
  expect(exitCode).toBe(125)
  expect(stderr).toContain('asks for .Name, which is not there\nThere are .Key, .IpnsName.\n')
})
