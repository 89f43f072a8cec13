import { parseReference } from '../../oci/index.js';
import type { Place } from '../registry-map.js';
import { readLock } from './lock-files.js';

/** The flags that name things in registries. */
interface Naming {
  readonly bundle?: string;
  readonly image?: string;
  readonly toRepo?: string;
  readonly lock?: string;
}

/**
 * The repositories that a command line names, itself or by a lock file. A bundle lists images of its author's choice: what
 * was given for a command must not go to a registry that only a bundle names. What cannot be read is not complained of
 * here.
 */
export async function namedPlaces({ bundle, image, toRepo, lock }: Naming): Promise<Place[]> {
  const named = [bundle, image, toRepo, ...(lock ? await lockedReferences(lock) : [])];
  return named.flatMap((reference) => (reference ? placeOf(reference) : []));
}

async function lockedReferences(path: string): Promise<string[]> {
  try {
    const lock = await readLock(path);
    return 'images' in lock ? lock.images.map(({ image }) => image) : [lock.image];
  } catch {
    return [];
  }
}

/** The repository of a reference, of one with a range in place of a tag too. */
function placeOf(reference: string): Place[] {
  const name = /^(?:.*\/)?[^/:@]*/.exec(reference)?.[0] ?? '';
  try {
    return [parseReference(name)];
  } catch {
    return [];
  }
}
