import { sweepUploads, UPLOAD_MS } from '../../catalogue/unnamed.ts'
import type { RegistryWriter, RepositoryRef } from '../../distribution/registry.ts'
import { findIn, LOOKS } from './found.ts'
import type { WriterOptions } from './options.ts'
import { putManifest } from './put-manifest.ts'
import { receive } from './receive.ts'
import { removePushed } from './remove.ts'

/**
 * Takes what is pushed: blobs as they come, and images as a save would write them. What was pushed is kept byte for byte (`Originals`), so that it can be
 * pulled again by its digest; an image of ours has other layers, and another digest.
 */
export function createRegistryWriter(options: WriterOptions): RegistryWriter {
  const { originals, pushed, read } = options
  const found = (repository: RepositoryRef) => findIn(repository, [pushed, read])
  let sweptAt = 0

  /** Now and then: nothing waits for it but the push that comes just then. */
  async function sweep(signal: AbortSignal): Promise<void> {
    const { uploadMs = UPLOAD_MS } = options
    const now = Date.now()
    if (now - sweptAt < uploadMs / 4) return
    sweptAt = now
    await sweepUploads({ ...options, signal, before: now - uploadMs })
  }

  return {
    receive: (_, bytes, signal) => receive(bytes, options, signal),
    async mount(repository, digest, _, signal) {
      return (await findIn(repository, [pushed, read], LOOKS).blob(digest, signal)) !== undefined
    },
    async putManifest(repository, reference, manifest, signal) {
      const put = await putManifest({ repository, reference, manifest }, found(repository), { ...options, signal })
      await sweep(signal)
      return put
    },
    deleteManifest: (repository, reference, signal) =>
      removePushed(repository, reference, found(repository), { ...options, signal }),
    async deleteBlob(_, digest, signal) {
      await originals.sync(signal)
      if ((await originals.blob(digest, signal)) === undefined) return false
      await originals.removeBlob(digest, signal)
      return true
    },
  }
}
