import { setMaxListeners } from 'node:events';
import { Slots, type CallOptions } from '../../oci/index.js';
import { formatPinned, parsePinned, type ImagesLock } from '../locks/index.js';
import type { Place, Finder } from '../places.js';

/** Questions at once. */
const ASKS = 16;

/**
 * The list of a bundle's images as they lie in the bundle's own repository; undefined unless all of them are there. Each
 * is asked for: what was noted when the bundle was copied may be gone.
 * @throws OciError of answers that are neither yes nor no
 */
export async function relocated(
  places: Finder,
  place: Place,
  { images }: ImagesLock,
  options: CallOptions = {},
): Promise<ImagesLock | undefined> {
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  // As many listen as images are asked for: Node would warn of a leak.
  setMaxListeners(0, signal);
  const slots = new Slots(ASKS);
  const digests = [...new Set(images.map(({ image }) => parsePinned(image).digest))];
  let missing = false;
  try {
    await Promise.all(
      digests.map(async (digest) => {
        const release = await slots.take(signal);
        try {
          if (await places.has(place, digest, { signal })) return;
          missing = true;
          stop.abort();
        } finally {
          release();
        }
      }),
    );
  } catch (error) {
    // The rest was stopped because one is missing.
    if (!missing) throw error;
  }
  options.signal?.throwIfAborted();
  if (missing) return undefined;
  return {
    images: images.map((entry) => ({
      ...entry,
      image: formatPinned({
        registry: place.registry,
        repository: place.repository,
        digest: parsePinned(entry.image).digest,
      }),
    })),
  };
}
