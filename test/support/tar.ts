import fc from 'fast-check'

/** An entry of a tar that a test writes byte by byte: tar-stream would tidy up what must stay strange. */
export interface Entry {
  readonly path: string
  readonly body?: Uint8Array
  readonly type?: string
  readonly linkTarget?: string
  readonly mtime?: number
  readonly mode?: number
  /** Records of a pax header in front. */
  readonly pax?: Readonly<Record<string, string>>
}

export interface TarOptions {
  /** Writes size 0 into the ustar headers, so that only a pax record tells it. */
  readonly hideSize?: boolean
  /** Leaves the two zero blocks at the end out. */
  readonly open?: boolean
}

/** The bytes of a tar with these entries, in this order. */
export function tarOf(entries: readonly Entry[], { hideSize = false, open = false }: TarOptions = {}): Buffer {
  const parts: Uint8Array[] = []
  for (const entry of entries) {
    const body = entry.body ?? new Uint8Array(0)
    if (entry.pax !== undefined) {
      const data = Buffer.concat(Object.entries(entry.pax).map(([key, value]) => paxRecord(key, value)))
      parts.push(header({ path: 'pax', type: 'x' }, data.length), data, padding(data.length))
    }
    parts.push(header(entry, hideSize ? 0 : body.length), body, padding(body.length))
  }
  if (!open) parts.push(Buffer.alloc(1024))
  return Buffer.concat(parts)
}

function header({ path, type = '0', linkTarget = '', mtime = 0, mode = 0o644 }: Entry, size: number): Buffer {
  const block = Buffer.alloc(512)
  block.write(path.slice(0, 100), 0, 'latin1')
  block.write(`${mode.toString(8).padStart(7, '0')}\0`, 100)
  block.write('0000000\x000000000\0', 108)
  block.write(`${size.toString(8).padStart(11, '0')}\0${mtime.toString(8).padStart(11, '0')}\0`, 124)
  block.write(type, 156)
  block.write(linkTarget, 157)
  block.write('ustar\x0000', 257)
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

function padding(size: number): Buffer {
  return Buffer.alloc((512 - (size % 512)) % 512)
}

function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`)
  let length = rest.length
  while (length !== rest.length + String(length).length) length = rest.length + String(length).length
  return Buffer.concat([Buffer.from(String(length)), rest])
}

/** Random entries of every kind that layers hold. */
export function randomEntries(): fc.Arbitrary<Entry[]> {
  const name = fc.string({ minLength: 1, maxLength: 120 }).map((text) => text.replaceAll('\0', '_'))
  const file = fc.record({
    path: name,
    body: fc.oneof(
      fc.uint8Array({ maxLength: 900 }),
      fc.nat(30_000).map((size) => Buffer.alloc(size, size % 251)),
    ),
    mtime: fc.nat(2 ** 31),
  })
  const special = fc.record({
    path: name,
    type: fc.constantFrom('1', '2', '3', '4', '5', '6', '7'),
    linkTarget: fc.constant('target'),
  })
  const extended = fc.record({
    path: name,
    pax: fc.dictionary(fc.constantFrom('path', 'mtime', 'SCHILY.xattr.user.a', 'comment'), name, { minKeys: 1 }),
    body: fc.uint8Array({ maxLength: 300 }),
  })
  const longName = fc.record({
    path: fc.constant('././@LongLink'),
    type: fc.constant('L'),
    body: name.map((text) => Buffer.from(`${text}\0`)),
  })
  return fc.array(fc.oneof(file, file, special, extended, longName), { maxLength: 30 })
}
