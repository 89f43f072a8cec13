import type { Sink } from '../../image/media.js';
import type { LayoutArchive } from '../../image/archive/index.js';
import type { Inventory } from './format.js';

/**
 * An archive that is given only what an inventory does not have: to whoever copies into it, the rest is there already. The
 * archive notes what it relies on; `loadArchive` looks for that first.
 *
 * ```ts
 * const archive = await createLayoutArchive('update.tar', { seal: true });
 * await copy(source, withInventory(archive, await readInventory('far.inventory')), roots);
 * await archive.finish?.();
 * ```
 */
export function withInventory(archive: LayoutArchive, { of, manifests, blobs }: Inventory): Sink {
  return {
    name: archive.name,
    ...(archive.parallel !== undefined && { parallel: archive.parallel }),
    resolve: (reference, options) => archive.resolve(reference, options),
    async hasManifest(descriptor, options) {
      if (!manifests.has(descriptor.digest)) return await archive.hasManifest(descriptor, options);
      archive.relyOn('manifest', descriptor, of);
      return true;
    },
    async hasBlob(descriptor, options) {
      return blobs.has(descriptor.digest) || (await archive.hasBlob(descriptor, options));
    },
    async putBlob(blob, options) {
      if (!blobs.has(blob.descriptor.digest)) return await archive.putBlob(blob, options);
      archive.relyOn('blob', blob.descriptor, of);
      return 'present';
    },
    putManifest: (descriptor, bytes, options) => archive.putManifest(descriptor, bytes, options),
    finish: async (options) => await archive.finish?.(options),
    abandon: async () => await archive.abandon?.(),
  };
}
