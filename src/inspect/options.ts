// The room of questions about images that stand on IPFS: what is in one, how it was built, what it takes, whether it is whole.
// Each file is one question, asked by one command. It reads through ports, and changes nothing: no pin, no catalogue, no engine.
// An image is opened as a load opens it (read/open-image.ts), so that nothing here believes what a load would not.
// A new question gets a file with an interface that extends `InspectOptions`, and gives back data; words are the command's.

import type { ResolveOptions } from '../names/resolve.ts'
import type { ReadOptions } from '../read/document-reader.ts'
import type { Blocks } from '../store/blocks.ts'

/** What a question about one image is asked with. */
export interface InspectOptions extends ReadOptions, ResolveOptions {
  readonly timeoutMs: number
  readonly blocks: Blocks
  /** Of an image with several platforms, the only one that is looked at. */
  readonly platform?: string | undefined
}
