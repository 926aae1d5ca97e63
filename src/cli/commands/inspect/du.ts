import type { Usage } from '../../../inspect/usage.ts'
import { type Row, rowFormat } from '../../../output/rows.ts'
import { formatBytes, shortDigest } from '../../../units.ts'
import { defineCommand } from '../../command.ts'
import { api, format, timeout } from '../../options.ts'

const ROWS = {
  heads: {
    Type: 'TYPE',
    Name: 'NAME',
    CID: 'CID',
    Images: 'IMAGES',
    Size: 'SIZE',
    SharedSize: 'SHARED',
    UniqueSize: 'UNIQUE',
    Bytes: 'BYTES',
    SharedBytes: 'SHARED BYTES',
    UniqueBytes: 'UNIQUE BYTES',
  },
  shown: ['Type', 'Name', 'Images', 'Size', 'SharedSize', 'UniqueSize'],
}

export const du = defineCommand({
  name: 'du',
  usage: 'docker ipfs du [OPTIONS]',
  summary: 'Show what images and layers really take on the node',
  arity: [0, 0],
  options: [api, format, { name: 'no-trunc', type: 'boolean', description: "Don't truncate output" }, timeout],
  async run(context, { flags }) {
    const { lines } = rowFormat(flags.format, ROWS)
    const [{ usage }, ports] = await Promise.all([
      import('../../../inspect/usage.ts'),
      context.connect({ ...flags, quiet: false, progress: 'auto' }),
    ])
    const found = await usage({ ...ports, timeoutMs: flags.timeout })
    for (const line of lines(found.map((one) => rowOf(one, flags['no-trunc'])))) await context.output.line(line)
  },
})

function rowOf({ type, name, cid, images, size, unique }: Usage, noTrunc: boolean): Row {
  const known = unique !== undefined && size !== undefined
  return {
    Type: type,
    Name: type === 'layer' && !noTrunc ? shortDigest(name) : name,
    CID: cid?.toString() ?? '',
    Images: images === undefined ? '' : String(images),
    Size: size === undefined ? '?' : formatBytes(size),
    SharedSize: known ? formatBytes(size - unique) : '',
    UniqueSize: known ? formatBytes(unique) : '',
    ...(size === undefined ? {} : { Bytes: size }),
    ...(known ? { SharedBytes: size - unique, UniqueBytes: unique } : {}),
  }
}
