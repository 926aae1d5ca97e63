import type { ImageDag } from '../../format/image-dag.ts'
import type { Layer } from '../../format/layer.ts'
import type { ImageInput } from '../../image/input.ts'
import { fullName } from '../../image/name.ts'
import { readSavedImages, type SavedImage } from '../../image/saved/saved-image.ts'
import type { Labels, OpenInput, SaveInput } from '../input.ts'

/** The images of a file, a folder or a pipe, as if an engine had them. */
export function archiveInput(input: ImageInput): SaveInput {
  return {
    name: input.name,
    title: `the images of ${input.name}`,
    isMany: true,
    again: input.again,
    wanted: [],
    look: async () => ({ imageId: undefined, names: [], otherNames: [], diffIds: [] }),
    open: async () => opened(input),
  }
}

function opened(input: ImageInput): OpenInput {
  return {
    hasOthers: true,
    read: ({ platform, findLayer, onLayer, warn }) =>
      readSavedImages(input.entries(), {
        diffIds: new Set(),
        again: input.again ? () => input.entries() : undefined,
        platform,
        findLayer,
        onLayer,
        warn,
      }),
    labelsOf(image: SavedImage<Layer>, dag: ImageDag, isOnePlatform: boolean): Labels {
      const { platforms, names, id, missing } = image
      // The ID of an index stands for all of its platforms.
      const isWhole = id !== undefined && missing.length === 0 && !isOnePlatform
      return {
        names: [...new Set(names.map(fullName).filter((name) => name !== undefined))],
        imageIds: [...(platforms.length === 1 ? [dag.configDigest] : []), ...(isWhole ? [id] : [])],
      }
    },
    close: () => undefined,
  }
}
