/**
 * Progress, as the use cases tell it. `output/progress.ts` renders it; nothing else reads it.
 * A layer is named by its diffID or blob digest (`sha256:<hex>`), a place that an image goes to by its name. All sizes are bytes.
 */
export type ProgressEvent =
  /** A step of the whole has begun; `text` is one short line for people, e.g. "Saving busybox:latest". */
  | { readonly type: 'step'; readonly text: string }
  /**
   * Work on a layer began, or another kind of it: `doing` says which, where it is not that its bytes are moved ("Unpacking").
   * `bytesTotal` is undefined where the size is not known beforehand.
   */
  | {
      readonly type: 'layer-start'
      readonly layer: string
      readonly bytesTotal: number | undefined
      readonly doing?: string
    }
  | { readonly type: 'layer-progress'; readonly layer: string; readonly bytesDone: number }
  /** One kind of work is over: "Sent", "Unpacked". That it is there, and right, only `layer-done` says: not where the whole fails. */
  | { readonly type: 'layer-waits'; readonly layer: string; readonly status: string; readonly bytesDone: number }
  /** `status` is what docker would say: "Saved", "Loaded", "Already exists", … */
  | { readonly type: 'layer-done'; readonly layer: string; readonly status: string; readonly bytesDone: number }
  | { readonly type: 'warning'; readonly text: string }
  /**
   * Where a loaded image was: what gateways gave, what the node fetched from the network, what it had, and what the engine had of
   * the layers.
   */
  | {
      readonly type: 'sources'
      readonly fromGateways?: number
      readonly fromNetwork?: number
      readonly onNode?: number
      readonly inEngine: number
    }

export type Report = (event: ProgressEvent) => void
