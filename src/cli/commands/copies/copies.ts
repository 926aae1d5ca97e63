import type { Seen } from '../../../copies/seen.ts'
import { DockerIpfsError } from '../../../errors.ts'
import { type Row, rowFormat } from '../../../output/rows.ts'
import { formatSince } from '../../../units.ts'
import { type CommandContext, defineCommand } from '../../command.ts'
import { api, format } from '../../options.ts'

const HEADS = {
  Image: 'IMAGE',
  CID: 'CID',
  Place: 'PLACE',
  Kind: 'KIND',
  Trusted: 'TRUSTED',
  State: 'STATE',
  Blocks: 'BLOCKS',
  Missing: 'MISSING',
  Lost: 'LOST',
  CheckedSince: 'CHECKED',
  CheckedAt: 'CHECKED AT',
  How: 'HOW',
  Reason: 'REASON',
}

/** Leaves that are read at each place: of an image that lacks 10 % of them, 44 find that 99 times of 100. */
export const READS = 64
/** Names of lost blocks that are told one by one. */
const MOST_TOLD = 10

export const copies = defineCommand({
  name: 'copies',
  usage: 'docker ipfs copies [OPTIONS] [REFERENCE]',
  summary: 'Ask the node and all remotes which images they keep, and whether these are whole',
  arity: [0, 1],
  takes: ['reference'],
  options: [
    { name: 'all', short: 'a', type: 'boolean', description: `Read every block, and not ${READS} of each image` },
    api,
    format,
    {
      name: 'repair',
      type: 'boolean',
      description: 'Bring places what they lost, and more places the image if too few have it',
    },
    {
      name: 'timeout',
      type: 'duration',
      description: 'Give a place up when nothing has come from it for this long',
      default: '1m',
    },
  ],
  async run(context, { flags, words: [reference] }) {
    const named = reference === undefined ? ['Image'] : []
    const { lines } = rowFormat(flags.format, {
      heads: HEADS,
      shown: [...named, 'Place', 'State', 'Blocks', 'CheckedSince', 'How'],
    })
    const [{ lookAfter }, { openAll }, { remotes }, ports] = await Promise.all([
      import('../../../copies/look-after.ts'),
      import('../../../copies/look.ts'),
      context.remotes(),
      context.connect({ ...flags, quiet: false, progress: 'auto' }),
    ])
    const reads = flags.all ? Number.POSITIVE_INFINITY : READS
    const options = { ...ports, remotes, reads, stillMs: flags.timeout }
    const rows: Row[] = []
    const below: string[] = []
    const silent = new Set<string>()
    const images = await imagesOf(reference, ports)
    for await (const one of lookAfter(images, await openAll(options), { ...options, repairs: flags.repair })) {
      const { image, seen, wanted, found, isWell } = one
      rows.push(...seen.map((copy) => rowOf(image.shown, image.root.toString(), copy)))
      for (const copy of seen) {
        // Once: it is not asked for the other images.
        if (copy.state === 'unreachable' && silent.has(copy.place)) continue
        if (copy.state === 'unreachable') silent.add(copy.place)
        tell(copy, image.shown, ports.report)
      }
      if (!isWell) below.push(`${image.shown} (${found} of ${wanted})`)
    }
    for (const line of lines(rows)) await context.output.line(line)
    if (below.length === 0) return
    const first = below.slice(0, MOST_TOLD).join(', ')
    const more = below.length > MOST_TOLD ? ` and ${below.length - MOST_TOLD} more` : ''
    throw new DockerIpfsError('COPIES_MISSING', `not all copies are as they should be: ${first}${more}`, {
      hint: flags.repair
        ? 'Look at the places that failed.'
        : '"docker ipfs copies --repair" puts them right, as far as can be.',
    })
  },
})

type Ports = Awaited<ReturnType<CommandContext['connect']>>

/** The image that is meant, or all that the catalogue has, each once. */
async function imagesOf(reference: string | undefined, ports: Ports) {
  const [{ resolve }, { keptImages }] = await Promise.all([
    import('../../../names/resolve.ts'),
    import('../../../copies/images.ts'),
  ])
  const all = await keptImages(ports)
  if (reference === undefined) return all
  const { root } = await resolve(reference, ports)
  return [all.find((image) => image.root.equals(root)) ?? { root, names: [], shown: '<none>' }]
}

function rowOf(names: string, cid: string, seen: Seen): Row {
  const { place, kind, isTrusted, state, blocks, lost, how, reason, checkedAt } = seen
  return {
    Image: names,
    CID: cid,
    Place: place,
    Kind: kind,
    Trusted: isTrusted,
    State: state,
    Blocks: blocks ?? '?',
    Missing: lost?.length ?? 0,
    Lost: lost?.map(String) ?? [],
    CheckedSince: formatSince(checkedAt),
    CheckedAt: checkedAt,
    How: how,
    Reason: reason ?? '',
  }
}

function tell({ place, state, reason, lost = [] }: Seen, names: string, report: Ports['report']): void {
  const about = state === 'unreachable' ? place : `${place}, ${names}`
  if (reason !== undefined && reason !== '') report({ type: 'warning', text: `${about}: ${reason}` })
  for (const cid of lost.slice(0, MOST_TOLD)) report({ type: 'warning', text: `${place}, ${names}: lost ${cid}` })
  if (lost.length > MOST_TOLD) {
    report({ type: 'warning', text: `${place}, ${names}: and ${lost.length - MOST_TOLD} more; --format json has all` })
  }
}
