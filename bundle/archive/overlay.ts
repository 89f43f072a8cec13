import {
  OciError,
  isOciError,
  verified,
  type ByteStream,
  type CallOptions,
  type Descriptor,
} from '../../oci/index.js';
import type { Source } from '../../image/media.js';
import type { Beginning, Reusable } from './reuse.js';

/**
 * A source whose blobs are taken from what is there of an archive, as far as that has them. Both are checked as ever; a
 * beginning of a blob that turns out to be wrong is thrown away.
 */
export function overlaid(source: Source, nearer: Reusable): Source {
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
      }
      const begun = options?.range === undefined ? nearer.begun(descriptor.digest) : undefined;
      return begun === undefined
        ? await source.blob(descriptor, options)
        : continued(source, descriptor, begun, options);
    },
  };
}

/** The beginning, and behind it the rest. */
async function* continued(
  source: Source,
  descriptor: Descriptor,
  begun: Beginning,
  options: CallOptions = {},
): ByteStream {
  const { digest, size } = descriptor;
  const all = async function* all(): ByteStream {
    yield* begun.read(options);
    if (begun.size < size)
      yield* await source.blob(descriptor, { ...options, range: { start: begun.size, end: size - 1 } });
  };
  try {
    yield* verified(all(), digest, size, `blob ${digest} of ${source.name}`);
  } catch (cause) {
    if (!isOciError(cause, 'DIGEST_MISMATCH')) throw cause;
    await begun.drop();
    throw new OciError(
      'DIGEST_MISMATCH',
      `${cause.message}: what an earlier try had left of it is thrown away, run the same command again`,
      { cause, detail: cause.detail },
    );
  }
}

async function* none(): AsyncGenerator<never> {
  // Nothing.
}
