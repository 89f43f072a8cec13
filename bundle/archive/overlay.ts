import { isOciError } from '../../oci/index.js';
import type { Source } from '../../image/media.js';

/** A source whose blobs are taken from another one where that has them. Both are checked as ever. */
export function overlaid(source: Source, nearer: Source): Source {
  return {
    name: source.name,
    ...(source.origin && { origin: source.origin }),
    resolve: (reference, options) => source.resolve(reference, options),
    referrers: (digest, options) => source.referrers?.(digest, options) ?? none(),
    manifest: (descriptor, options) => source.manifest(descriptor, options),
    async blob(descriptor, options) {
      try {
        return await nearer.blob(descriptor, options);
      } catch (error) {
        if (!isOciError(error, 'BLOB_UNKNOWN')) throw error;
        return await source.blob(descriptor, options);
      }
    },
  };
}

async function* none(): AsyncGenerator<never> {
  // Nothing.
}
