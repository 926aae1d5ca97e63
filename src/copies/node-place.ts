import { hasCode } from '../errors.ts'
import type { Node } from '../store/node.ts'
import type { Copy, Outgoing, Place, SendOptions } from '../store/places.ts'
import type { Routing } from '../store/routing.ts'
import { whileMoving } from '../time.ts'
import { lacking } from './lacking.ts'
import { prove } from './prove.ts'
import { stoodStill } from './still.ts'

/**
 * Another node as a place for copies. It gets an image from our node, once the two are connected; where neither reaches the other, or
 * nothing comes, it is sent what it lacks in one request, which pins at its end.
 */
export function createNodePlace(
  name: string,
  node: Pick<Node, 'address' | 'version' | 'blocks' | 'pins' | 'routing' | 'traffic'>,
): Place {
  const look: Place['look'] = async (root, options) => {
    const isPinned = await node.pins.isPinned(root, options.signal)
    if (!isPinned && !(await node.blocks.hasBlock(root, options.signal))) return { state: 'absent', how: 'asked' }
    const { blocks, bytes, lost, read } = await prove(root, node.blocks, options)
    const how = lost.length === 0 ? `all counted, ${read} read` : `${lost.length} of ${blocks} lost`
    if (lost.length > 0) return { state: 'partial', how, blocks, lost }
    return { state: isPinned ? 'complete' : 'unpinned', how, blocks, bytes }
  }
  return {
    name,
    kind: 'kubo',
    address: node.address,
    from: node,
    check: async (signal) => `Kubo ${await node.version(signal)}`,
    look,
    async send(image, options): Promise<Copy> {
      const asked = { signal: options.signal, reads: 0, tree: image.from.blocks }
      const before = await look(image.root, asked)
      if (before.state === 'complete') return before
      if (!(await fetched(image, options))) await sent(image, options)
      return look(image.root, asked)
    },
  }

  /** The node fetches it itself. False where it cannot. */
  async function fetched({ root, name: pinName, from }: Outgoing, options: SendOptions): Promise<boolean> {
    const { signal, stillMs, doing, moved } = options
    if (!(await areConnected(from.routing, node.routing, signal))) return false
    doing('Pinning')
    try {
      await whileMoving(
        stillMs,
        signal,
        () => stoodStill(name, stillMs),
        (limited, moves) =>
          node.pins.pin(root, pinName, limited, (bytes) => {
            moves()
            if (bytes !== undefined) moved(bytes)
          }),
      )
      return true
    } catch (error) {
      // They are connected, and nothing comes: a wall may let a connection through, and no blocks.
      if (signal.aborted || !hasCode(error, 'PLACE_FAILED')) throw error
      return false
    }
  }

  async function sent({ root, name: pinName, from }: Outgoing, options: SendOptions): Promise<void> {
    const { signal, stillMs, doing, moved } = options
    doing('Sending')
    await whileMoving(
      stillMs,
      signal,
      () => stoodStill(name, stillMs),
      async (limited, moves) => {
        const session = node.blocks.openImport(limited)
        try {
          for await (const block of lacking(root, { from: from.blocks, to: node.blocks, signal: limited })) {
            await session.put(block)
            moves()
            moved(session.sent.bytes)
          }
          await session.finish(root)
        } catch (error) {
          await session.abort(error)
          throw limited.aborted ? limited.reason : error
        }
        moves()
        // It is pinned, and this gives the pin its name.
        await node.pins.pin(root, pinName, limited, moves)
      },
    )
  }
}

/** Whether two nodes are connected then: the one may reach the other that does not reach it. */
async function areConnected(ours: Routing, theirs: Routing, signal: AbortSignal): Promise<boolean> {
  try {
    const [us, them] = await Promise.all([ours.self(signal), theirs.self(signal)])
    return (await ours.connect(them, signal)) || (await theirs.connect(us, signal))
  } catch (error) {
    // Who may not ask a node who it is cannot connect it.
    if (hasCode(error, 'NODE_DENIED')) return false
    throw error
  }
}
