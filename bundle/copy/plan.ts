import { OciError } from '../../oci/index.js';
import { copy, type CopyReport } from '../../image/copy/index.js';
import type { Sink } from '../../image/media.js';
import { digestTag } from '../names.js';
import { GatheredSource } from './gathered.js';
import { withKnownTags } from './known-tags.js';
import type { CopySet } from './set.js';
import { copyOptions, type CopySetOptions, type Destination } from './to-repository.js';

/**
 * What a copy of a set would move: to a repository, or to an archive, which has nothing yet. Nothing is put.
 * @throws OciError of the places
 */
export async function planCopy(
  set: CopySet,
  destination: Destination | undefined,
  options: CopySetOptions = {},
): Promise<CopyReport> {
  const sink =
    destination === undefined
      ? NOTHING
      : withKnownTags(destination.sink, destination.repository, () => undefined);
  const roots = set.items.map(({ descriptor }) => ({ descriptor, tags: [digestTag(descriptor.digest)] }));
  return await copy(new GatheredSource(set.items), sink, roots, { ...copyOptions(options), dryRun: true });
}

const refuse = async (): Promise<never> => {
  throw new OciError('UNSUPPORTED', 'nothing is put in a plan');
};

/** A place that has nothing. */
const NOTHING: Sink = {
  name: 'nothing',
  hasManifest: async () => false,
  hasBlob: async () => false,
  resolve: async () => undefined,
  putBlob: refuse,
  putManifest: refuse,
};
